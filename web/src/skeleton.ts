// The drawn body as points, frames and solids, from the definition that the pictures use as well.
import shape from "../../src/bimotion/render/static/body.json";

export type Colour = "left" | "right" | "torso" | "head" | "visor";
export type Vec = [number, number, number];

/** Two spheres and the cone tangent to both; points are indices, radii metres. */
export interface Cone {
  a: number;
  b: number;
  ra: number;
  rb: number;
  colour: Colour;
}
/** Left, up and forward of a part of the body: from a bone and a line across it. */
export interface Frame {
  left: number;
  right: number;
  from: number;
  to: number;
  /** How far the bone leans forward when the part is upright, radians. */
  pitch: number;
}
export interface Ellipsoid {
  at: number;
  frame: Frame;
  /** Along the frame's axes, metres. */
  offset: Vec;
  radii: Vec;
  /** If not zero, the first radius in half distances between the frame's left and right. */
  halfWidths: number;
  colour: Colour;
}

export const NUM_JOINTS = shape.joints.length;
const names = [...shape.joints, ...Object.keys(shape.points)];
export const NUM_POINTS = names.length;
export const JOINT = Object.fromEntries(shape.joints.map((name, i) => [name, i])) as Record<string, number>;

/** Parent of each joint; the pelvis has none. */
export const PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19];

export const CONES: Cone[] = shape.cones.map(([a, b, ra, rb, colour]) => ({
  a: names.indexOf(a as string),
  b: names.indexOf(b as string),
  ra: ra as number,
  rb: rb as number,
  colour: colour as Colour,
}));

const frames = Object.fromEntries(
  Object.entries(shape.frames).map(([name, { left, right, from, to, pitch_deg }]) => {
    const frame: Frame = {
      left: JOINT[left],
      right: JOINT[right],
      from: JOINT[from],
      to: JOINT[to],
      pitch: (pitch_deg * Math.PI) / 180,
    };
    return [name, frame];
  }),
);
export const ELLIPSOIDS: Ellipsoid[] = shape.ellipsoids.map((part) => ({
  at: names.indexOf(part.at),
  frame: frames[part.frame],
  offset: part.offset as Vec,
  radii: part.radii as Vec,
  halfWidths: part.half_widths,
  colour: part.colour as Colour,
}));

const derived = Object.values(shape.points as Record<string, Record<string, number>>).map((weights) =>
  Object.entries(weights).map(([name, weight]) => [JOINT[name], weight] as const),
);

/** The joints followed by the derived points, lifted so that soles, not joints, stand on the floor. */
export function bodyPoints(joints: Float32Array, scale: number, out: Float32Array): Float32Array {
  out.set(joints);
  derived.forEach((weights, i) => {
    for (let axis = 0; axis < 3; axis++) {
      let sum = 0;
      for (const [joint, weight] of weights) sum += weight * joints[3 * joint + axis];
      out[3 * (NUM_JOINTS + i) + axis] = sum;
    }
  });
  for (let i = 1; i < out.length; i += 3) out[i] += shape.lift * scale;
  return out;
}

/** Size of the person relative to the drawn body: the legs' length in the first frame. */
export function bodyScale(joints: Float32Array): number {
  const distance = (a: number, b: number): number =>
    Math.hypot(...[0, 1, 2].map((axis) => joints[3 * a + axis] - joints[3 * b + axis]));
  let legs = 0;
  for (const side of ["left", "right"]) {
    legs += distance(JOINT[`${side}_hip`], JOINT[`${side}_knee`]);
    legs += distance(JOINT[`${side}_knee`], JOINT[`${side}_ankle`]);
  }
  return Math.min(Math.max(legs / 2 / shape.leg_length, 0.3), 3);
}
