export { default } from "./missing.mjs";
