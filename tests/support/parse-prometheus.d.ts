declare module "parse-prometheus-text-format" {
  /** Families of metrics, as the text format has them. */
  export default function parse(
    text: string,
  ): { name: string; metrics: { value: string; labels?: Record<string, string> }[] }[];
}
