// The API from the page's side: requests with the token, jobs with progress, and what went wrong in one sentence.
import type { ClipData } from "../src/data";

export interface Motion {
  id: string;
  seconds: number;
  frames: number;
  fps: number;
  seed: number | null;
  text: string;
  caption: string | null;
  score: number | null;
  warnings: string[];
  new_from: number | null;
  new_to: number | null;
  phrases: { text: string; start: number; end: number }[] | null;
  view: Omit<ClipData, "files">;
}
export interface Model {
  name: string;
  fingerprint: string;
}
export interface Motions {
  model: Model;
  settings: Record<string, unknown>;
  motions: Motion[];
}
export interface Caption {
  caption: string;
  spans: { start: number; end: number; text: string }[];
}
export interface Found {
  calibrated: boolean;
  hits: { name: string; start: number; end: number; score: number; motion: Motion }[];
}
export interface Capabilities {
  model: Model;
  library: boolean;
  min_seconds: number;
  max_seconds: number;
  limits: Record<string, number>;
}
interface Job {
  id: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  done: number;
  total: number;
  result: unknown;
  error: { code: string; detail: string; field: string | null } | null;
}

/** What the server, or the way to it, refused. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

const TOKEN = "bimotion-token";

export class Client {
  /** Asks the reader for the token. */
  constructor(private readonly askToken: () => Promise<string>) {}

  async json<T>(path: string, body?: unknown, method = body === undefined ? "GET" : "POST"): Promise<T> {
    const headers: HeadersInit = body === undefined ? {} : { "content-type": "application/json" };
    const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    return (await (await this.send(path, init)).json()) as T;
  }

  async upload(file: File): Promise<Motion & { name: string }> {
    const form = new FormData();
    form.append("file", file, file.name);
    return (await (await this.send("/motions", { method: "POST", body: form })).json()) as Motion & { name: string };
  }

  /** Downloads an answer as the file that the server names. */
  async save(path: string, init: RequestInit = {}): Promise<void> {
    download(await this.file(path, init));
  }

  /** An answer as the file that the server names. */
  async file(path: string, init: RequestInit = {}): Promise<File> {
    const answer = await this.send(path, init);
    const named = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "");
    return new File([await answer.blob()], named ? decodeURIComponent(named[1]) : "motion");
  }

  /** Runs an operation as a job, reporting progress; `signal` cancels it. */
  async run<T>(
    operation: string,
    request: unknown,
    signal: AbortSignal,
    onProgress: (done: number, total: number) => void,
  ): Promise<T> {
    const job = await this.json<Job>("/jobs", { operation, request });
    const end = (): void => void this.json(`/jobs/${job.id}`, undefined, "DELETE").catch(() => undefined);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    const events = await this.send(`/jobs/${job.id}/events`);
    const ended = await lastEvent(events, (state) => onProgress(state.done, state.total));
    if (ended.state === "cancelled") throw new Refused("cancelled", "Cancelled.");
    if (ended.error) throw new Refused(ended.error.code, ended.error.detail);
    return ended.result as T;
  }

  private async send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const token = sessionStorage.getItem(TOKEN);
    if (token) headers.set("authorization", `Bearer ${token}`);
    let answer: Response;
    try {
      answer = await fetch(`/api/v1${path}`, { ...init, headers });
    } catch {
      throw new Refused("lost", "The server does not answer. Is it still running?");
    }
    if (answer.ok) return answer;
    if (answer.status === 401) {
      sessionStorage.setItem(TOKEN, await this.askToken());
      return this.send(path, init);
    }
    const error = (await answer.json().catch(() => null)) as { code?: string; detail?: string } | null;
    throw new Refused(error?.code ?? "internal", error?.detail ?? `The server answered ${answer.status}.`);
  }
}

/** Hands a file to the browser's downloads. */
export function download(file: File): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Reads server-sent events up to the one that ends the job. */
async function lastEvent(answer: Response, onProgress: (job: Job) => void): Promise<Job> {
  const reader = (answer.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }));
    if (done) throw new Refused("lost", "The connection to the server was lost. Is it still running?");
    text += value;
    let end: number;
    while ((end = text.indexOf("\n\n")) >= 0) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      const job = JSON.parse(event.slice(event.indexOf("data: ") + 6)) as Job;
      if (event.startsWith("event: end")) return job;
      onProgress(job);
    }
  }
}
