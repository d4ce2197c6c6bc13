// The skeleton: a line for each bone and a dot for each joint, left and right in their colours.
import { BufferAttribute, BufferGeometry, Color, Group, LineBasicMaterial, LineSegments, Points, PointsMaterial } from "three";
import type { BodyColours } from "./body";
import { bodyPoints, JOINT, NUM_JOINTS, NUM_POINTS, PARENTS } from "./skeleton";

export class Bones {
  readonly group = new Group();
  private readonly lines: LineSegments;
  private readonly dots: Points;
  private readonly points = new Float32Array(3 * NUM_POINTS);

  constructor(private readonly scale: number) {
    const floats = (count: number): BufferAttribute => new BufferAttribute(new Float32Array(3 * count), 3);
    const line = new BufferGeometry();
    line.setAttribute("position", floats(2 * (NUM_JOINTS - 1)));
    line.setAttribute("color", floats(2 * (NUM_JOINTS - 1)));
    const dot = new BufferGeometry();
    dot.setAttribute("position", floats(NUM_JOINTS));
    dot.setAttribute("color", floats(NUM_JOINTS));
    this.lines = new LineSegments(line, new LineBasicMaterial({ vertexColors: true, transparent: true }));
    this.dots = new Points(dot, new PointsMaterial({ vertexColors: true, size: 0.045 * scale, transparent: true }));
    for (const part of [this.lines, this.dots]) {
      part.renderOrder = 2;
      part.frustumCulled = false;
      this.group.add(part);
    }
  }

  paint(colours: BodyColours, trunk: string): void {
    const side = (name: string): string =>
      name.startsWith("left") ? colours.left : name.startsWith("right") ? colours.right : trunk;
    const names = Object.keys(JOINT);
    const colour = new Color();
    names.forEach((name, joint) => {
      colour.set(side(name)).toArray(this.dots.geometry.attributes.color.array, 3 * joint);
      if (joint > 0) {
        for (const end of [0, 1]) {
          colour.toArray(this.lines.geometry.attributes.color.array, 3 * (2 * (joint - 1) + end));
        }
      }
    });
    for (const part of [this.lines, this.dots]) part.geometry.attributes.color.needsUpdate = true;
  }

  pose(joints: Float32Array): void {
    bodyPoints(joints, this.scale, this.points);
    this.dots.geometry.attributes.position.array.set(this.points.subarray(0, 3 * NUM_JOINTS));
    const lines = this.lines.geometry.attributes.position.array;
    for (let joint = 1; joint < NUM_JOINTS; joint++) {
      [PARENTS[joint], joint].forEach((end, k) => {
        for (let axis = 0; axis < 3; axis++) lines[3 * (2 * (joint - 1) + k) + axis] = this.points[3 * end + axis];
      });
    }
    for (const part of [this.lines, this.dots]) part.geometry.attributes.position.needsUpdate = true;
  }
}
