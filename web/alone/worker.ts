// The model in a worker, so that the page stays responsive while it computes.
import { resampled, jointsToFeatures } from "./features";
import { readRecording } from "./files";
import type { FromWorker, Result, ToWorker, Work } from "./messages";
import { Model, type Progress, type Runtime } from "./model";

const SIZE = 66;

async function hasGpu(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter();
  return Boolean(adapter && !adapter.info.isFallbackAdapter);
}

async function start(): Promise<Model> {
  const began = performance.now();
  const asked = new URLSearchParams(location.search).get("backend");
  const backend = asked === "webgpu" || (asked !== "wasm" && (await hasGpu().catch(() => false))) ? "webgpu" : "wasm";
  const ort = backend === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  const binary = backend === "webgpu" ? "ort-wasm-simd-threaded.asyncify.wasm" : "ort-wasm-simd-threaded.wasm";
  ort.env.wasm.wasmPaths = { wasm: new URL(binary, location.href).href };
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  ort.env.logLevel = "error";
  const model = await Model.load(ort as unknown as Runtime, read, { executionProviders: [backend] });
  const { fps, min_frames, max_frames } = model.settings;
  const seconds = (performance.now() - began) / 1000;
  tell({ kind: "ready", backend, seconds, minSeconds: min_frames / fps, maxSeconds: max_frames / fps });
  return model;
}

async function read(name: string): Promise<Uint8Array> {
  const answer = await fetch(`model/${name}`);
  if (!answer.ok) throw new Error(`model/${name} could not be loaded (${answer.status})`);
  const data = new Uint8Array(await answer.arrayBuffer());
  tell({ kind: "loading", name, bytes: data.length });
  return data;
}

async function perform(model: Model, work: Work, progress: Progress): Promise<Result> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  if (work.kind === "tokens") return model.promptIds(work.text, null);
  if (work.kind === "features") return jointsToFeatures(work.joints, model.settings.skeleton);
  if (work.kind === "generate") return { ...(await model.generate(work.request, progress)), seconds: seconds() };
  const { fps, max_frames, skeleton } = model.settings;
  const found = readRecording(work.name, work.data, skeleton);
  const joints = resampled(found.joints, found.fps, fps);
  const frames = joints.length / SIZE;
  // A long motion is captioned in parts of equal length; a row of features is the step between two frames.
  const parts = Math.ceil((frames - 1) / max_frames);
  const captions: string[] = [];
  for (let part = 0; part < parts; part++) {
    const [from, to] = [part, part + 1].map((edge) => Math.round((edge * (frames - 1)) / parts));
    const caption = await model.caption(joints.slice(from * SIZE, (to + 1) * SIZE), progress);
    if (caption !== captions.at(-1)) captions.push(caption);
  }
  return { caption: captions.join(" Then: "), joints, fps, seconds: seconds() };
}

function tell(message: FromWorker): void {
  self.postMessage(message);
}

const model = start();
model.catch((problem: unknown) => tell({ kind: "failed", problem: words(problem) }));
let queue: Promise<void> = Promise.resolve();

function words(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}

self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  const { id, work } = data;
  queue = queue.then(async () => {
    try {
      const result = await perform(await model, work, (done, total) => tell({ kind: "progress", id, done, total }));
      tell({ kind: "done", id, result });
    } catch (problem) {
      tell({ kind: "refused", id, problem: words(problem) });
    }
  });
});
