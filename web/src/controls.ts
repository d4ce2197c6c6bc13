// The buttons, the timeline and the captions around the view: plain DOM, text only ever set as text.
import { icon, type Icon } from "./icons";
import type { MotionClip } from "./data";
import { SPEEDS, type Player } from "./player";
import type { Angle, Cell, View } from "./stage";
import { accent } from "./theme";

/** What the controls may ask the viewer to do. */
export interface Actions {
  toggle(): void;
  step(frames: number): void;
  seek(frame: number): void;
  speed(value: number): void;
  flip(option: "overlay" | "follow" | "ghosts" | "trails" | "contacts" | "skeleton" | "loop"): void;
  theme(): void;
  angle(): void;
  reset(): void;
  solo(clip: number | null): void;
}

const FLAGS = ["overlay", "follow", "ghosts", "trails", "contacts", "skeleton", "loop"] as const;
type Flag = (typeof FLAGS)[number];

const button = (id: string, face: Icon, label: string, key: string, pressed = false): string =>
  `<button type="button" data-do="${id}" aria-label="${label}" title="${label} (${key})"` +
  `${pressed ? ' aria-pressed="false"' : ""}>${icon(face)}</button>`;

const KEYS: [string, string][] = [
  ["Space", "play or pause"],
  ["← →", "one frame back or on; ten with Shift"],
  ["Home End", "first or last frame"],
  ["[ ]", "slower, faster"],
  ["L", "loop"],
  ["F", "follow the body"],
  ["G", "ghost poses"],
  ["P", "path on the floor"],
  ["C", "feet that stand"],
  ["K", "skeleton"],
  ["D", "download the motions"],
  ["O", "side by side or overlaid"],
  ["1 – 9, 0", "one clip alone, all clips"],
  ["V", "three-quarter, front, left, back, top"],
  ["R", "reset the camera"],
  ["T", "light or dark"],
];

const markup = (embedded: boolean): string => `
  <header><h1></h1><div class="bar" role="toolbar" aria-label="View">
    ${button("overlay", "overlay", "Overlay the clips", "O", true)}
    ${button("follow", "follow", "Follow the body", "F", true)}
    ${button("ghosts", "ghosts", "Ghost poses", "G", true)}
    ${button("trails", "trails", "Path on the floor", "P", true)}
    ${button("contacts", "contacts", "Feet that stand", "C", true)}
    ${button("skeleton", "skeleton", "Skeleton", "K", true)}<hr>
    ${button("angle", "angle", "Change the view", "V")}
    ${button("reset", "reset", "Reset the camera", "R")}<hr>
    ${button("theme", "theme", "Light or dark", "T")}
    ${button("download", "download", "Download the motions", "D")}
    ${button("help", "help", "Keyboard shortcuts", "?")}
  </div></header>
  <${embedded ? "div" : "main"} class="view"><canvas tabindex="0" role="img"></canvas><div class="cards"></div>
    <div class="legend"><span><b style="background:var(--left)"></b>left</span><span><b
    style="background:var(--right)"></b>right</span><span><b class="metre"></b>1 m</span></div></${embedded ? "div" : "main"}>
  <footer><div class="transport" role="group" aria-label="Playback">
    <div class="keys">${button("back", "previous", "One frame back", "←")}
      <button type="button" class="play" data-do="play" aria-label="Play" title="Play or pause (Space)"></button>
      ${button("on", "next", "One frame on", "→")}</div>
    <input type="range" min="0" step="1" aria-label="Frame">
    <div class="clock"></div>
    <div class="keys"><select aria-label="Speed" title="Speed ([ and ])">${SPEEDS.map(
      (speed) => `<option value="${speed}">${speed}×</option>`,
    ).join("")}</select>${button("loop", "loop", "Loop", "L", true)}</div>
  </div></footer>
  <dialog aria-label="Keyboard shortcuts"><h2>Keyboard and mouse</h2><dl>${KEYS.map(
    ([keys, what]) => `<dt>${keys.replace(/[^ ,–]+/g, "<kbd>$&</kbd>")}</dt><dd>${what}</dd>`,
  ).join("")}<dt>Drag</dt><dd>turn; with right button or two fingers: move</dd><dt>Wheel, pinch</dt><dd>zoom</dd></dl>
    <form method="dialog"><button>Close</button></form></dialog>
  <dialog class="files" aria-label="Download"><h2>Download</h2><ul></ul>
    <form method="dialog"><button>Close</button></form></dialog>
  <div class="spoken" role="status" aria-live="polite"></div>`;

/** Hands a file, gzip in base64, to the browser's downloads. */
async function saveFile(packed: string, name: string): Promise<void> {
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await new Response(stream).blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export class Controls {
  readonly canvas: HTMLCanvasElement;
  readonly area: HTMLElement;
  private readonly slider: HTMLInputElement;
  private readonly cards: HTMLElement;
  private readonly dialog: HTMLDialogElement;
  private readonly files: HTMLDialogElement;

  constructor(
    private readonly root: HTMLElement,
    title: string,
    private readonly clips: MotionClip[],
    private readonly player: Player,
    private readonly actions: Actions,
    embedded: boolean,
  ) {
    root.className = "bm";
    root.innerHTML = markup(embedded);
    this.canvas = this.find("canvas");
    this.area = this.find(".view");
    this.slider = this.find("input");
    this.cards = this.find(".cards");
    this.dialog = this.find("dialog");
    this.files = this.find("dialog.files");
    this.find("h1").textContent = title;
    this.find("h1").hidden = embedded;
    const spoken = clips.map((clip) => [clip.name, clip.caption].filter(Boolean).join(": ")).join("; ");
    this.canvas.setAttribute("aria-label", `Motion in 3D. ${spoken}`);
    this.slider.max = String(player.lastFrame);
    this.find<HTMLElement>('[data-do="overlay"]').hidden = clips.length < 2;
    this.offerFiles();
    this.listen();
  }

  /** A line of links for each clip whose files the page carries. */
  private offerFiles(): void {
    const list = this.files.querySelector("ul") as HTMLElement;
    this.clips.forEach((clip, i) => {
      const suffixes = Object.keys(clip.files);
      if (!suffixes.length) return;
      const title = clip.caption || clip.name || `Clip ${i + 1}`;
      const line = document.createElement("li");
      const text = document.createElement("span");
      text.textContent = title;
      line.append(text);
      for (const suffix of suffixes) {
        const link = document.createElement("button");
        link.textContent = suffix.toUpperCase();
        const name = title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "motion";
        link.addEventListener("click", () => void saveFile(clip.files[suffix], `${name}.${suffix}`));
        line.append(link);
      }
      list.append(line);
    });
    this.find<HTMLElement>('[data-do="download"]').hidden = !list.childElementCount;
  }

  private find<T extends Element = HTMLElement>(selector: string): T {
    return this.root.querySelector(selector) as T;
  }

  private listen(): void {
    const act: Record<string, () => void> = {
      play: () => this.actions.toggle(),
      back: () => this.actions.step(-1),
      on: () => this.actions.step(1),
      theme: () => this.actions.theme(),
      angle: () => this.actions.angle(),
      reset: () => this.actions.reset(),
      help: () => this.dialog.showModal(),
      download: () => this.files.showModal(),
    };
    for (const flag of FLAGS) {
      act[flag] = () => this.actions.flip(flag);
    }
    for (const element of this.root.querySelectorAll<HTMLElement>("[data-do]")) {
      element.addEventListener("click", act[element.dataset.do as string]);
    }
    this.slider.addEventListener("input", () => this.actions.seek(Number(this.slider.value)));
    const speed = this.find<HTMLSelectElement>("select");
    speed.addEventListener("change", () => this.actions.speed(Number(speed.value)));
    addEventListener("keydown", this.onKey);
  }

  private readonly onKey = (event: KeyboardEvent): void => this.key(event);

  /** Stops listening to keys. */
  dispose(): void {
    removeEventListener("keydown", this.onKey);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || this.dialog.open || this.files.open) return;
    const target = event.target as HTMLElement;
    if (/^(SELECT|TEXTAREA|OPTION|DIALOG)$/.test(target.tagName) || target.closest("dialog")) return;
    if (target instanceof HTMLInputElement && target !== this.slider) return;
    if (event.key === " " && /^(BUTTON|SUMMARY|A)$/.test(target.tagName)) return; // presses it
    const far = event.shiftKey ? 10 : 1;
    const act: Record<string, () => void> = {
      " ": () => this.actions.toggle(),
      arrowleft: () => this.actions.step(-far),
      arrowright: () => this.actions.step(far),
      ",": () => this.actions.step(-1),
      ".": () => this.actions.step(1),
      home: () => this.actions.seek(0),
      end: () => this.actions.seek(this.player.lastFrame),
      "[": () => (this.player.changeSpeed(-1), this.actions.speed(this.player.speed)),
      "]": () => (this.player.changeSpeed(1), this.actions.speed(this.player.speed)),
      l: () => this.actions.flip("loop"),
      f: () => this.actions.flip("follow"),
      g: () => this.actions.flip("ghosts"),
      p: () => this.actions.flip("trails"),
      c: () => this.actions.flip("contacts"),
      o: () => this.actions.flip("overlay"),
      v: () => this.actions.angle(),
      r: () => this.actions.reset(),
      k: () => this.actions.flip("skeleton"),
      d: () => this.find<HTMLElement>('[data-do="download"]').hidden || this.files.showModal(),
      t: () => this.actions.theme(),
      "0": () => this.actions.solo(null),
      "?": () => this.dialog.showModal(),
    };
    const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
    const run = digit ? () => digit <= this.clips.length && this.actions.solo(digit - 1) : act[event.key.toLowerCase()];
    if (!run) return;
    event.preventDefault();
    run();
  }

  /** Puts a caption over each cell; a click on a name shows that clip alone or all again. */
  place(cells: Cell[], view: View): void {
    this.cards.replaceChildren();
    const width = Math.max(...cells.map((cell) => cell.x + cell.width));
    for (const cell of cells) {
      const stacked = document.createElement("div");
      stacked.className = `card${cells.length > 1 ? " split" : ""}${cell.y > 0 ? " row" : ""}${cell.x > 0 ? " inner" : ""}`;
      Object.assign(stacked.style, {
        left: `${(100 * cell.x) / width}%`,
        top: `${cell.y}px`,
        width: `${(100 * cell.width) / width}%`,
        height: cells.length > 1 ? `${cell.height}px` : "auto",
      });
      for (const clip of cell.clips) stacked.append(this.caption(clip, view, cell));
      this.cards.append(stacked);
    }
  }

  private caption(index: number, view: View, cell: Cell): HTMLElement {
    const clip = this.clips[index];
    const name = document.createElement(this.clips.length > 1 ? "button" : "div");
    name.className = "name";
    name.style.setProperty("--accent", accent(index));
    const dot = document.createElement("i");
    const label = document.createElement("span");
    label.textContent = `${clip.name || `Clip ${index + 1}`} · ${clip.length.toFixed(2)} s`;
    name.append(dot, label);
    name.title = `${clip.frames} frames at ${Number(clip.fps.toFixed(2))} a second`;
    if (this.clips.length > 1) {
      const alone = view.solo === index;
      name.setAttribute("aria-pressed", String(alone));
      name.setAttribute("aria-label", `${label.textContent}: ${alone ? "show all clips" : "show alone"}`);
      name.addEventListener("click", () => this.actions.solo(alone ? null : index));
    }
    const said = document.createElement("div");
    said.append(name);
    if (clip.caption) {
      const text = document.createElement("p");
      text.textContent = text.title = clip.caption;
      if (clip.label) {
        const label = document.createElement("em");
        label.textContent = clip.label;
        text.prepend(label);
      }
      // A long caption must not cover the body below it.
      const lines = Math.max(Math.floor((0.15 * cell.height) / 21 / cell.clips.length), 2);
      text.style.setProperty("-webkit-line-clamp", String(Math.min(lines, 4)));
      text.addEventListener("click", () => text.classList.toggle("whole")); // where it is cut: all of it
      said.append(text);
    }
    return said;
  }

  /** Brings every control up to date. */
  show(view: View): void {
    const { player } = this;
    this.root.dataset.theme = view.theme;
    const flags: Record<Flag, boolean> = { ...view, loop: player.loop };
    for (const flag of FLAGS) {
      this.root.querySelector(`[data-do="${flag}"]`)?.setAttribute("aria-pressed", String(flags[flag]));
    }
    const play = this.find("[data-do=play]");
    const face = player.playing ? "Pause" : "Play";
    if (play.getAttribute("aria-label") !== face || !play.firstChild) {
      play.setAttribute("aria-label", face);
      play.innerHTML = icon(player.playing ? "pause" : "play");
    }
    this.find<HTMLSelectElement>("select").value = String(player.speed);
    this.tick();
  }

  /** Brings the timeline up to date: what changes while playing. */
  tick(): void {
    const { frame, lastFrame, fps } = this.player;
    const seconds = (frame / fps).toFixed(2);
    const whole = ((lastFrame + 1) / fps).toFixed(2);
    this.slider.value = String(frame);
    this.slider.style.setProperty("--done", `${lastFrame ? (100 * frame) / lastFrame : 100}%`);
    this.slider.setAttribute("aria-valuetext", `frame ${frame} of ${lastFrame}, ${seconds} of ${whole} seconds`);
    const now = document.createElement("b");
    now.textContent = `${seconds} s`;
    const count = document.createElement("span");
    count.textContent = ` · frame ${frame} / ${lastFrame}`;
    this.find(".clock").replaceChildren(now, ` / ${whole}`, count);
  }

  /** Tells a screen reader what has changed. */
  say(text: string): void {
    this.find(".spoken").textContent = text;
  }

  angleIs(angle: Angle): void {
    this.find("[data-do=angle]").setAttribute("aria-label", `Change the view, now ${angle}`);
    this.say(`View: ${angle}`);
  }
}
