// Where the camera looks and how far it stands off, from the motion alone: seeking gives the same picture as playing.
import { Vector3 } from "three";
import type { MotionClip } from "./data";

interface Extent {
  /** Middle of the floor area of the whole motion. */
  centre: Vector3;
  /** Half width around the centre, and around the followed root. */
  reach: number;
  ownReach: number;
  top: number;
  /** Root positions on the floor smoothed over about a second, (frames, 2). */
  path: Float32Array;
}

const MARGIN = 0.2; // metres around the joints: limbs have a thickness

export class Framing {
  private readonly extents: Extent[];
  /** Whether some clip travels so far that it is best followed. */
  readonly travels: boolean;

  constructor(private readonly clips: MotionClip[]) {
    this.extents = clips.map(extent);
    this.travels = this.extents.some((e) => e.reach - e.ownReach > 0.9);
  }

  /** The point that stands in the middle of the picture. */
  focus(shown: number[], view: { follow: boolean }, time: (clip: number) => number): Vector3 {
    const sum = new Vector3();
    for (const i of shown) sum.add(view.follow ? this.followed(i, time(i)) : this.extents[i].centre);
    sum.divideScalar(shown.length);
    sum.y = this.top(shown) * 0.53; // a little high: the caption stands above the body
    return sum;
  }

  private top(shown: number[]): number {
    return Math.max(...shown.map((i) => this.extents[i].top));
  }

  private followed(i: number, time: number): Vector3 {
    const { fps, frames } = this.clips[i];
    const at = Math.min(Math.max(time * fps, 0), frames - 1);
    const a = Math.floor(at);
    const b = Math.min(a + 1, frames - 1);
    const { path } = this.extents[i];
    const mix = (axis: number): number => path[2 * a + axis] * (1 - at + a) + path[2 * b + axis] * (at - a);
    return new Vector3(mix(0), 0, mix(1));
  }

  /** Camera distance at which all shown clips fit, each in its own cell unless overlaid. */
  distance(
    shown: number[],
    view: { follow: boolean; overlay: boolean },
    fov: number,
    aspect: number,
  ): number {
    let reach = Math.max(...shown.map((i) => (view.follow ? this.extents[i].ownReach : this.extents[i].reach)));
    if (view.overlay && shown.length > 1) {
      // Followed clips part on their ways: what counts is how far they ever are from their middle.
      const longest = Math.max(...shown.map((i) => this.clips[i].duration));
      const steps = view.follow ? 40 : 0;
      let apart = 0;
      for (let k = 0; k <= steps; k++) {
        const time = (longest * k) / Math.max(steps, 1);
        const focus = this.focus(shown, view, () => time);
        for (const i of shown) apart = Math.max(apart, Math.hypot(...this.gap(i, focus, view.follow, time)));
      }
      reach += apart;
    }
    const half = Math.tan((fov * Math.PI) / 360);
    const high = (this.top(shown) / 2) * 1.36;
    // A body may stand that much nearer to the camera than the middle and must still fit in.
    const alone = view.follow && !(view.overlay && shown.length > 1);
    const near = reach * (alone ? 0.25 : 1);
    return Math.max(high / half, (reach * 0.88) / (half * aspect)) + near;
  }

  private gap(i: number, focus: Vector3, follow: boolean, time: number): [number, number] {
    const at = follow ? this.followed(i, time) : this.extents[i].centre;
    return [at.x - focus.x, at.z - focus.z];
  }
}

function extent(clip: MotionClip): Extent {
  const path = smoothPath(clip, 0.35 * clip.fps);
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  let top = 0.5;
  let ownReach = 0;
  for (let frame = 0; frame < clip.frames; frame++) {
    for (let joint = 0; joint < 22; joint++) {
      const at = frame * 66 + joint * 3;
      const [x, y, z] = [clip.joints[at], clip.joints[at + 1], clip.joints[at + 2]];
      low[0] = Math.min(low[0], x);
      low[1] = Math.min(low[1], z);
      high[0] = Math.max(high[0], x);
      high[1] = Math.max(high[1], z);
      top = Math.max(top, y);
      ownReach = Math.max(ownReach, Math.hypot(x - path[2 * frame], z - path[2 * frame + 1]));
    }
  }
  const centre = new Vector3((low[0] + high[0]) / 2, 0, (low[1] + high[1]) / 2);
  const reach = Math.hypot(high[0] - low[0], high[1] - low[1]) / 2 + MARGIN;
  return { centre, reach, ownReach: ownReach + MARGIN, top: top + MARGIN, path };
}

/** The root's floor path through a Gaussian of this many frames, so that following does not sway with each step. */
function smoothPath(clip: MotionClip, sigma: number): Float32Array {
  const path = new Float32Array(clip.frames * 2);
  const radius = Math.ceil(3 * sigma);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2));
  for (let frame = 0; frame < clip.frames; frame++) {
    let [x, z, total] = [0, 0, 0];
    for (let i = -radius; i <= radius; i++) {
      const at = Math.min(Math.max(frame + i, 0), clip.frames - 1) * 66;
      const weight = weights[i + radius];
      x += weight * clip.joints[at];
      z += weight * clip.joints[at + 2];
      total += weight;
    }
    path[2 * frame] = x / total;
    path[2 * frame + 1] = z / total;
  }
  return path;
}
