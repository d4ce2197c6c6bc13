// The start of a page: plays the data that the page carries, or else waits for a page's own script to mount the viewer.
import type { PageData } from "./data";
import style from "./style.css";
import { mount, remembered, type Handle } from "./viewer";

declare global {
  interface Window {
    bimotion: Handle;
    /** For pages without data of their own. */
    bimotionViewer: { mount: typeof mount; theme: typeof remembered };
  }
}

function main(): void {
  const sheet = document.createElement("style");
  sheet.textContent = style;
  document.head.append(sheet);
  const block = document.getElementById("bimotion-data");
  if (block === null) {
    window.bimotionViewer = { mount, theme: remembered };
    return;
  }
  const root = document.getElementById("bimotion") as HTMLElement;
  try {
    document.documentElement.classList.add("bm-page");
    window.bimotion = mount(root, JSON.parse(block.textContent as string) as PageData);
  } catch (problem) {
    const reason = problem instanceof Error ? problem.message : String(problem);
    window.bimotion = { ready: false, error: reason } as Handle;
    const box = document.createElement("div");
    box.className = "trouble";
    box.setAttribute("role", "alert");
    box.textContent = `This motion cannot be shown: ${reason}. The page needs a browser with WebGL 2.`;
    root.className = "bm";
    root.replaceChildren(box);
    throw problem;
  }
}

main();
