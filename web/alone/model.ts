// The model: its ONNX graphs, the sampling loop and greedy captions. Shapes are those of src/bimotion/export/onnx_files.py.
import type { InferenceSession, Tensor, TypedTensor } from "onnxruntime-common";
import { featuresToJoints, jointsToFeatures, COLUMNS, type Skeleton } from "./features";
import { normalNoise } from "./noise";
import { Tokenizer } from "./tokenizer";

export interface Settings {
  fps: number;
  min_frames: number;
  max_frames: number;
  length_in_prompt: boolean;
  slots: number;
  latent_values: number;
  sample_steps: number;
  modulations: number;
  guidance_scale: number;
  /** Layers, key-value heads, width of a head. */
  cache: [number, number, number];
  max_tokens: number;
  ids: { eos: number; start: number; end: number };
  out_slot: number[];
  prompts: { motion: string; timed_motion: string; text: string; timed_text: string };
  caption_ids: number[] | null;
  min_caption_tokens: number;
  max_caption_tokens: number;
  skeleton: Skeleton;
}

/** The part of onnxruntime-web that is used. */
export interface Runtime {
  InferenceSession: { create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession> };
  Tensor: typeof Tensor;
}

export interface Request {
  text: string;
  /** Length; null takes the one that the model predicts. */
  frames: number | null;
  seed: number;
  guidance: number | null;
  /** Replaces the noise of the seed. */
  noise?: Float32Array;
}

export interface Generated {
  /** (frames, 22, 3) metres, 20 frames per second. */
  joints: Float32Array;
  /** (frames, 263). */
  features: Float32Array;
  frames: number;
}

type Feeds = Record<string, Tensor>;

/** Pieces of work that are done, of all. */
export type Progress = (done: number, total: number) => void;

const GRAPHS = ["transformer", "condition", "step", "length", "decoder", "encoder"] as const;
type Graph = (typeof GRAPHS)[number];

export class Model {
  private constructor(
    private readonly runtime: Runtime,
    readonly settings: Settings,
    readonly tokenizer: Tokenizer,
    private readonly sessions: Record<Graph, InferenceSession>,
  ) {}

  /** Reads the files of an exported model. */
  static async load(
    runtime: Runtime,
    read: (name: string) => Promise<Uint8Array>,
    options: InferenceSession.SessionOptions,
  ): Promise<Model> {
    const json = async (name: string): Promise<unknown> => JSON.parse(new TextDecoder().decode(await read(name)));
    const settings = (await json("bimotion.json")) as Settings;
    const tokenizer = new Tokenizer((await json("tokenizer.json")) as ConstructorParameters<typeof Tokenizer>[0]);
    const sessions: Partial<Record<Graph, InferenceSession>> = {};
    for (const name of GRAPHS) {
      sessions[name] = await runtime.InferenceSession.create(await read(`${name}.onnx`), options);
    }
    return new Model(runtime, settings, tokenizer, sessions as Record<Graph, InferenceSession>);
  }

  /** Ids of the prompt for a motion, up to its slots. */
  promptIds(text: string, frames: number | null): number[] {
    const { prompts, ids, max_tokens, slots } = this.settings;
    const timed = this.settings.length_in_prompt && frames !== null;
    const wording = this.filled(timed ? prompts.timed_motion : prompts.motion, frames).replace("{caption}", () => tidy(text));
    const answer = [...this.tokenizer.encode(" "), ids.start];
    const closing = this.tokenizer.encode(" \n");
    const prompt = this.tokenizer.encode(`${wording} \n`);
    const room = max_tokens - slots - answer.length;
    if (prompt.length > room) prompt.splice(room - closing.length, prompt.length - room);
    return [...prompt, ...answer];
  }

  /** A motion of a sentence. */
  async generate(request: Request, progress?: Progress): Promise<Generated> {
    const { settings } = this;
    const ids = this.promptIds(request.text, request.frames);
    const slots = new Float32Array(settings.slots * settings.out_slot.length);
    for (let i = 0; i < settings.slots; i++) slots.set(settings.out_slot, i * settings.out_slot.length);
    const { states } = await this.prompt(ids, [], slots);
    const latents = await this.sample(states, request, progress);
    const predicted = await this.run("length", { states, latents });
    const wanted = request.frames ?? Number((predicted.frames.data as BigInt64Array)[0]);
    const frames = Math.min(Math.max(wanted, settings.min_frames), settings.max_frames);
    const decoded = await this.run("decoder", { latents, frames: this.scalar(frames) });
    const features = decoded.features.data as Float32Array;
    return { features, joints: featuresToJoints(features), frames };
  }

  /** The caption of joint positions (frames, 22, 3) at 20 frames per second; the longest motion is `max_frames`. */
  async caption(joints: Float32Array, progress?: Progress): Promise<string> {
    return this.captionOf(jointsToFeatures(joints, this.settings.skeleton), progress);
  }

  /** The caption of features (frames, 263). */
  async captionOf(features: Float32Array, progress?: Progress): Promise<string> {
    const { settings, tokenizer } = this;
    const frames = features.length / COLUMNS;
    const { motion } = await this.run("encoder", { features: this.floats(features, [1, frames, COLUMNS]) });
    const timed = settings.length_in_prompt;
    const [before, after] = this.filled(timed ? settings.prompts.timed_text : settings.prompts.text, frames).split("{motion}");
    let { logits, keys, values } = await this.prompt(
      [...tokenizer.encode(before), settings.ids.start],
      [settings.ids.end, ...tokenizer.encode(`${after} \n`)],
      motion.data as Float32Array,
    );
    const allowed = new Set([...(settings.caption_ids ?? tokenizer.textIds(settings.ids.start)), settings.ids.eos]);
    const found: number[] = [];
    while (found.length < settings.max_caption_tokens) {
      const next = best(logits, allowed, found.length < settings.min_caption_tokens ? settings.ids.eos : -1);
      if (next === settings.ids.eos) break;
      found.push(next);
      progress?.(found.length, settings.max_caption_tokens);
      ({ logits, keys, values } = await this.tokens([next], [0], new Float32Array(0), [], keys, values));
    }
    return tokenizer.decode(found).split(/\s+/).join(" ").trim();
  }

  private filled(wording: string, frames: number | null): string {
    return frames === null ? wording : wording.replace("{seconds}", (frames / this.settings.fps).toFixed(1));
  }

  private async sample(states: Tensor, request: Request, progress?: Progress): Promise<Tensor> {
    const { latent_values, sample_steps, modulations, guidance_scale } = this.settings;
    const given: Feeds = {};
    const condition = await this.run("condition", { states });
    for (let i = 0; i < modulations; i++) given[`modulation${i}`] = condition[`modulation${i}`];
    const guidance = new this.runtime.Tensor("float32", [request.guidance ?? guidance_scale], []);
    const noise = request.noise ?? normalNoise(request.seed, latent_values);
    let xt: Tensor = this.floats(noise, [1, latent_values]);
    let previous = xt;
    for (let step = 0; step < sample_steps; step++) {
      const made = await this.run("step", { ...given, xt, previous, step: this.scalar(step), guidance });
      [xt, previous] = [made.next, made.x0];
      progress?.(step + 1, sample_steps);
    }
    return previous;
  }

  /** One pass over a prompt in which the slots of a motion stand between two parts of text. */
  private prompt(before: number[], after: number[], motion: Float32Array): ReturnType<Model["tokens"]> {
    const { slots, cache } = this.settings;
    const [layers, groups, width] = cache;
    const text = before.length + after.length;
    const source = [...before.keys(), ...range(text, text + slots), ...range(before.length, text)];
    const empty = this.floats(new Float32Array(0), [layers, 1, groups, 0, width]);
    return this.tokens([...before, ...after], source, motion, range(before.length, before.length + slots), empty, empty);
  }

  /** New tokens after those of the cache; `source`: for each position its row among text tokens followed by motion. */
  private async tokens(
    ids: number[],
    source: number[],
    motion: Float32Array,
    motionIndex: number[],
    keys: Tensor,
    values: Tensor,
  ): Promise<{ logits: Float32Array; states: Tensor; keys: Tensor; values: Tensor }> {
    const textIndex = range(0, source.length).filter((position) => !motionIndex.includes(position));
    const made = await this.run("transformer", {
      ids: this.integers(ids, [1, ids.length]),
      motion: this.floats(motion, [1, motionIndex.length, this.settings.out_slot.length]),
      source: this.integers(source),
      text_index: this.integers(textIndex),
      motion_index: this.integers(motionIndex),
      keys,
      values,
    });
    return { logits: made.logits.data as Float32Array, states: made.states, keys: made.all_keys, values: made.all_values };
  }

  private run(graph: Graph, feeds: Feeds): Promise<Feeds> {
    return this.sessions[graph].run(feeds) as Promise<Feeds>;
  }
  private floats(data: Float32Array, shape: number[]): TypedTensor<"float32"> {
    return new this.runtime.Tensor("float32", data, shape);
  }
  private integers(data: number[], shape = [data.length]): TypedTensor<"int64"> {
    return new this.runtime.Tensor("int64", BigInt64Array.from(data, BigInt), shape);
  }
  private scalar(value: number): TypedTensor<"int64"> {
    return this.integers([value], []);
  }
}

/** A sentence as captions are written: lower case, single spaces, a full stop at the end; see `captions.sentence.tidy`. */
export function tidy(text: string): string {
  const special = /<\|endoftext\|>|<start_of_motion>|<end_of_motion>|<masked_motion>|<pad_motion>|<motion_latent_holder(?:_output)?>/gi;
  const sides = text.replace(special, " ").replace(/(?<=_)([lr])(?=_|\b)/gi, (side) => (side.toLowerCase() === "l" ? "left" : "right"));
  const plain = sides.replaceAll("_", " ").toLowerCase().split(/\s+/).filter(Boolean).join(" ");
  if (!/[\p{L}\p{N}]/u.test(plain)) throw new Error("Type what the person does, as in: a person waves.");
  return /[.!?]$/.test(plain) ? plain : `${plain}.`;
}

function best(logits: Float32Array, allowed: Set<number>, banned: number): number {
  let found = -1;
  for (const id of allowed) if (id !== banned && (found < 0 || logits[id] > logits[found])) found = id;
  return found;
}

function range(start: number, stop: number): number[] {
  return Array.from({ length: stop - start }, (_, i) => start + i);
}
