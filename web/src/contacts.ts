// Marks on the floor under feet that stand: a motion whose marks slide or flicker slides or flickers itself.
import { CircleGeometry, DoubleSide, Group, Mesh, MeshBasicMaterial } from "three";
import type { MotionClip } from "./data";
import { JOINT } from "./skeleton";
import type { BodyColours } from "./body";

const SIDES = ["left", "right"] as const;
const PARTS = ["ankle", "foot"] as const;

/** A joint that moves faster than this, in metres a second, does not stand. */
const SPEED = 0.25;
/** Height over its lowest position in the clip, metres, up to which a joint may stand. */
const HEIGHT = 0.06;

/** For each frame and each of left ankle, left foot, right ankle, right foot whether it stands: 1 or 0. */
export function contacts(clip: MotionClip): Uint8Array {
  const joints = SIDES.flatMap((side) => PARTS.map((part) => JOINT[`${side}_${part}`]));
  const out = new Uint8Array(clip.frames * joints.length);
  joints.forEach((joint, column) => {
    const at = (frame: number, axis: number): number => clip.joints[(Math.min(Math.max(frame, 0), clip.frames - 1) * 22 + joint) * 3 + axis];
    let lowest = Infinity;
    for (let i = 0; i < clip.frames; i++) lowest = Math.min(lowest, at(i, 1));
    for (let i = 0; i < clip.frames; i++) {
      const before = Math.max(i - 1, 0);
      const after = Math.min(i + 1, clip.frames - 1);
      const way = Math.hypot(...[0, 1, 2].map((axis) => at(after, axis) - at(before, axis)));
      const speed = after > before ? (way * clip.fps) / (after - before) : 0;
      out[i * joints.length + column] = Number(speed < SPEED && at(i, 1) < lowest + HEIGHT);
    }
  });
  return out;
}

export class Contacts {
  readonly group = new Group();
  private readonly standing: Uint8Array;
  private readonly materials: Record<(typeof SIDES)[number], MeshBasicMaterial>;

  constructor(
    private readonly clip: MotionClip,
    scale: number,
  ) {
    this.standing = contacts(clip);
    const material = (): MeshBasicMaterial => new MeshBasicMaterial({ transparent: true, opacity: 0.55, depthWrite: false, side: DoubleSide });
    this.materials = { left: material(), right: material() };
    for (const side of SIDES) {
      for (const part of PARTS) {
        const mark = new Mesh(new CircleGeometry(part === "foot" ? 0.12 : 0.1, 32).rotateX(-Math.PI / 2), this.materials[side]);
        mark.scale.setScalar(scale);
        mark.position.y = 0.005;
        mark.renderOrder = -1;
        this.group.add(mark);
      }
    }
  }

  paint(colours: BodyColours): void {
    for (const side of SIDES) this.materials[side].color.set(colours[side]);
  }

  pose(joints: Float32Array, time: number): void {
    const frame = Math.min(Math.max(Math.round(time * this.clip.fps), 0), this.clip.frames - 1);
    this.group.children.forEach((mark, column) => {
      const joint = JOINT[`${SIDES[column >> 1]}_${PARTS[column & 1]}`];
      mark.visible = this.standing[frame * 4 + column] === 1;
      mark.position.x = joints[3 * joint];
      mark.position.z = joints[3 * joint + 2];
    });
  }
}
