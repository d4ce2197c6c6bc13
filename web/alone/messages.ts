// What the page and its worker tell each other.
import type { Generated, Request } from "./model";

export type Work =
  | { kind: "generate"; request: Request }
  | { kind: "caption"; name: string; data: ArrayBuffer }
  | { kind: "tokens"; text: string }
  | { kind: "features"; joints: Float32Array };

export interface Captioned {
  caption: string;
  /** (frames, 22, 3) metres. */
  joints: Float32Array;
  fps: number;
}

export type Result = (Generated & { seconds: number }) | (Captioned & { seconds: number }) | number[] | Float32Array;

export type ToWorker = { id: number; work: Work };

export type FromWorker =
  | { kind: "loading"; name: string; bytes: number }
  | { kind: "ready"; backend: string; seconds: number; minSeconds: number; maxSeconds: number }
  | { kind: "failed"; problem: string }
  | { kind: "progress"; id: number; done: number; total: number }
  | { kind: "done"; id: number; result: Result }
  | { kind: "refused"; id: number; problem: string };
