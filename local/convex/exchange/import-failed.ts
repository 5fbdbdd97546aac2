/** An import that Convex would refuse; nothing of it was taken. */
export class ImportFailed extends Error {
  override readonly name = "ImportFailed";
}
