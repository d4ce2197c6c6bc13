// Prints the issues that Khronos' validator finds in a file, as JSON: node gltf_validator.mjs WEB_FOLDER FILE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [web, file] = process.argv.slice(2);
const validator = createRequire(`${web}/package.json`)("gltf-validator");
const report = await validator.validateBytes(new Uint8Array(readFileSync(file)), { format: "glb" });
console.log(JSON.stringify({ validator: report.validatorVersion, ...report.issues }));
