/** Opening a plugin: it is tried in a child process first, then loaded once in this one. */
import { InputError } from "../../errors.ts";
import { Client } from "./client.ts";
import { loadPlugin, type Plugin } from "./plugin.ts";
import { tryPlugin } from "./probe.ts";

/** A loaded plugin and its client. */
export interface OpenPlugin {
  readonly plugin: Plugin;
  readonly client: Client;
}

const open = new Map<string, Promise<OpenPlugin[]>>();

/**
 * Opens a plugin's client with at least so many devices: one for each process, except that a CPU can be split again.
 *
 * @throws InputError if the plugin cannot be used or has fewer devices.
 */
export async function openPlugin(path: string, devices = 1): Promise<OpenPlugin> {
  let opening = open.get(path);
  if (!opening) {
    open.set(path, opening = openFirst(path));
    opening.catch(() => open.delete(path)); // what is wrong may be mended
  }
  const opened = await opening;
  const found = opened.find(({ client }) => client.devices.length >= devices);
  if (found) return found;
  const { plugin, client } = opened[0]!;
  if (client.platform !== "cpu") {
    throw new InputError(
      `Cannot use ${devices} devices with ${path}: it has ${client.devices.length} of ${
        client.devices[0]!.kind
      }`,
    );
  }
  const more = { plugin, client: new Client(plugin.api, { cpu_device_count: devices }) };
  opened.push(more);
  return more;
}

async function openFirst(path: string): Promise<OpenPlugin[]> {
  await tryPlugin(path);
  const plugin = loadPlugin(path);
  return [{ plugin, client: new Client(plugin.api, plugin.options) }];
}
