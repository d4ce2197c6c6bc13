// The data that a page carries: clips as 16-bit joint positions, in a JSON block.

export interface ClipData {
  name: string;
  caption: string;
  /** Whose words the caption is, such as "prompt" or "caption by the model"; may be empty. */
  label: string;
  fps: number;
  frames: number;
  /** Files of the clip to download: gzip in base64, by suffix. */
  files: Record<string, string>;
  /** World position of the quantised zero, metres; its height is relative to the floor. */
  origin: [number, number, number];
  /** Metres of one quantised step. */
  step: number;
  /** Base64 of little-endian unsigned 16-bit numbers, (frames, 22, 3). */
  joints: string;
}

export type Layout = "split" | "overlay";

export interface PageData {
  title: string;
  clips: ClipData[];
  layout: Layout;
  autoplay: boolean;
}

export class MotionClip {
  readonly name: string;
  readonly caption: string;
  readonly label: string;
  readonly files: Record<string, string>;
  readonly fps: number;
  readonly frames: number;
  /** (frames, 22, 3) in metres, Y up, floor at 0. */
  readonly joints: Float32Array;

  constructor(data: ClipData) {
    this.name = data.name;
    this.caption = data.caption;
    this.label = data.label;
    this.files = data.files;
    this.fps = data.fps;
    this.frames = data.frames;
    this.joints = decode(data);
  }

  /** Seconds from the first frame to the last: where the timeline ends. */
  get duration(): number {
    return (this.frames - 1) / this.fps;
  }

  /** Seconds that the clip fills, its last frame included: what the command line says. */
  get length(): number {
    return this.frames / this.fps;
  }

  /** The clip's own time at a time of the page: a shorter clip begins again where the page loops, or else holds. */
  ownTime(time: number, loop: boolean, longest: number): number {
    const rest = 0.4; // the last pose is held for a moment, as the page's is
    const round = this.duration + rest;
    return loop && this.duration > 0 && longest > round + 0.5 ? time % round : time;
  }

  /** Joint positions at a time, linear between frames, held before the first and after the last. */
  sample(time: number, out: Float32Array): Float32Array {
    const at = Math.min(Math.max(time * this.fps, 0), this.frames - 1);
    // A seek to a frame must show that frame alone, though time * fps may be off by a rounding error.
    const near = Math.round(at);
    const exact = Math.abs(at - near) < 1e-4 ? near : at;
    const first = Math.floor(exact);
    const weight = exact - first;
    const size = out.length;
    const a = first * size;
    const b = Math.min(first + 1, this.frames - 1) * size;
    for (let i = 0; i < size; i++) {
      out[i] = this.joints[a + i] * (1 - weight) + this.joints[b + i] * weight;
    }
    return out;
  }
}

function decode(data: ClipData): Float32Array {
  const text = atob(data.joints);
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  const steps = new DataView(bytes.buffer);
  const joints = new Float32Array(bytes.length / 2);
  for (let i = 0; i < joints.length; i++) {
    joints[i] = data.origin[i % 3] + steps.getUint16(2 * i, true) * data.step;
  }
  if (joints.length !== data.frames * 66) {
    throw new Error(`expected ${data.frames} frames of 22 joints, got ${joints.length / 66} frames`);
  }
  return joints;
}
