/** The tasks of multi-task fine-tuning (section 5.5), as far as they must fit together. */
import type { Dataset } from "../data/examples.ts";
import { InputError } from "../errors.ts";

/** Makes sure that tasks can share a model. @throws InputError if two have one name, or their texts differ in language. */
export function requireTasks(
  tasks: readonly { readonly name: string; readonly data: Pick<Dataset, "language"> }[],
): void {
  const [first] = tasks;
  if (!first) throw new RangeError("Expected at least one task, found none");
  const repeated = tasks.find(({ name }, place) => tasks.findIndex((task) => task.name === name) !== place);
  const twice = "Cannot train on several tasks as two are called the same: found";
  if (repeated) throw new InputError(`${twice} "${repeated.name}" twice`);
  const other = tasks.find(({ data }) => data.language !== first.data.language);
  if (other) {
    throw new InputError(
      `Cannot train one model on ${first.name} and ${other.name} as their texts are in different languages: ` +
        `found "${first.data.language}" and "${other.data.language}"`,
    );
  }
}
