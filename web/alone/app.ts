// A page that needs no server: sentences to motions and motion files to captions, computed in the browser.
import { action, byId, make, numberIn } from "../page/dom";
import type { Handle, mount, remembered } from "../src/viewer";
import { clipData, npyFile } from "./clip";
import type { Captioned, FromWorker, Result, Work } from "./messages";
import type { Generated } from "./model";

declare global {
  interface Window {
    bimotion: Handle;
    bimotionViewer: { mount: typeof mount; theme: typeof remembered };
    /** For scripts and tests: runs a piece of work once the model is loaded. */
    bimotionAlone: { ready: Promise<FromWorker & { kind: "ready" }>; run(work: Work): Promise<Result> };
  }
}

const EXAMPLES = [
  "a person walks forward",
  "a person waves with the right hand",
  "a person jumps up",
  "a person turns around to the left",
  "a person kicks with the right leg",
  "a person bows",
];
const FPS = 20;

const worker = new Worker("worker.js" + location.search, { type: "module" });
const waiting = new Map<number, { resolve(result: Result): void; reject(problem: Error): void }>();
let count = 0;
let loaded = 0;
let viewer: Handle | null = null;

const ready = new Promise<FromWorker & { kind: "ready" }>((resolve, reject) => {
  worker.addEventListener("error", ({ message }) => reject(new Error(message)));
  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    if (data.kind === "loading") byId("doing").textContent = `Loading the model: ${((loaded += data.bytes) / 1e6).toFixed(0)} MB`;
    else if (data.kind === "ready") resolve(data);
    else if (data.kind === "failed") reject(new Error(data.problem));
    else if (data.kind === "progress") byId<HTMLProgressElement>("bar").value = data.done / data.total;
    else if (data.kind === "done") waiting.get(data.id)?.resolve(data.result);
    else waiting.get(data.id)?.reject(new Error(data.problem));
  });
});

function run(work: Work): Promise<Result> {
  const id = ++count;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, work });
  }).finally(() => waiting.delete(id)) as Promise<Result>;
}

async function busy(what: string, work: () => Promise<void>): Promise<void> {
  byId("problem").hidden = true;
  byId<HTMLProgressElement>("bar").removeAttribute("value");
  byId("doing").textContent = byId("spoken").textContent = what;
  byId("work").hidden = false;
  byId<HTMLButtonElement>("go").disabled = true;
  try {
    await work();
  } catch (problem) {
    byId("problem").textContent = problem instanceof Error ? problem.message : String(problem);
    byId("problem").hidden = false;
  } finally {
    byId("work").hidden = true;
    byId<HTMLButtonElement>("go").disabled = false;
  }
}

/** Plays a motion, with what is known of it below. */
function show(joints: Float32Array, fps: number, text: string, label: string, lines: string[]): void {
  viewer?.dispose();
  const inner = make("div");
  byId("viewer").replaceChildren(inner);
  const data = { title: "", clips: [clipData(joints, fps, text, label)], layout: "split" as const, autoplay: true };
  viewer = window.bimotion = window.bimotionViewer.mount(inner, data, { embedded: true, onTheme: paint });
  const box = make("article", { className: "result" });
  box.append(make("h2", { textContent: text }));
  for (const line of lines) box.append(make("p", { className: "soft", textContent: line }));
  const row = make("div", { className: "row" });
  row.append(action("Download NPY", () => download(npyFile(joints), `${text.replace(/\W+/g, "-").slice(0, 60) || "motion"}.npy`)));
  box.append(row);
  byId("cards").replaceChildren(box);
  byId("spoken").textContent = `${label}: ${text}`;
}

function download(file: Blob, name: string): void {
  const link = make("a", { href: URL.createObjectURL(file), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

async function generate(): Promise<void> {
  const text = byId<HTMLTextAreaElement>("text").value;
  const { minSeconds, maxSeconds } = await ready;
  const seconds = numberIn("seconds");
  if (seconds !== null && !(seconds >= minSeconds && seconds <= maxSeconds)) {
    throw new Error(`Seconds: expected ${minSeconds} to ${maxSeconds}, got ${seconds}.`);
  }
  const seed = numberIn("seed") ?? Math.floor(Math.random() * 2 ** 31);
  const frames = seconds === null ? null : Math.round(seconds * FPS);
  const request = { text, frames, seed, guidance: numberIn("guidance") };
  const made = (await run({ kind: "generate", request })) as Generated & { seconds: number };
  const facts = `${(made.frames / FPS).toFixed(2)} s, ${made.frames} frames, seed ${seed}; computed in ${made.seconds.toFixed(2)} s`;
  show(made.joints, FPS, text.trim(), "prompt", [facts]);
}

async function caption(file: File): Promise<void> {
  const data = await file.arrayBuffer();
  const { caption, joints, fps, seconds } = (await run({ kind: "caption", name: file.name, data })) as Captioned & { seconds: number };
  show(joints, fps, caption, "caption by the model", [`${file.name}; captioned in ${seconds.toFixed(2)} s`]);
}

function paint(theme: "light" | "dark"): void {
  document.documentElement.dataset.theme = theme;
}

function begin(): void {
  paint(window.bimotionViewer.theme());
  byId("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    paint(theme);
    viewer?.set({ theme });
  });
  for (const example of EXAMPLES) {
    byId("examples").append(action(example, () => ((byId<HTMLTextAreaElement>("text").value = example), void busy("Generating …", generate))));
  }
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    void busy("Generating …", generate);
  });
  const input = byId<HTMLInputElement>("file");
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = "";
    if (file) void busy("Captioning …", () => caption(file));
  });
  const drop = byId("drop");
  for (const kind of ["dragover", "drop"] as const) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      const file = kind === "drop" ? event.dataTransfer?.files[0] : undefined;
      if (file) void busy("Captioning …", () => caption(file));
    });
  }
  void busy("Loading the model", async () => {
    const { backend, seconds } = await ready;
    const where = backend === "webgpu" ? "on the GPU (WebGPU)" : "on the processor (WebAssembly)";
    byId("model").textContent = `Runs ${where}; loaded in ${seconds.toFixed(1)} s`;
  });
}

window.bimotionAlone = { ready, run };
begin();
