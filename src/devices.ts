import { execFile } from "node:child_process";
import * as path from "node:path";
import * as vscode from "vscode";
import type { Config } from "./config.js";

const { t } = vscode.l10n;

/** What `tensorscope devices --json` says of one. */
interface DeviceLine {
  readonly device: string;
  readonly available: boolean;
  readonly name: string | null;
  readonly remarks: string;
}

/** Drivers are started to see whether they work; one that hangs is given up by then. */
const patience = 120_000;

/** Asks the command line, in a process of its own, with the Node that runs model files. */
function listDevices(extensionPath: string, nodePath: string): Promise<DeviceLine[]> {
  const node = nodePath === "" ? process.execPath : nodePath;
  const cli = path.join(extensionPath, "dist", "cli.cjs");
  const options = {
    timeout: patience,
    windowsHide: true,
    env: { ...process.env, ...(nodePath === "" ? { ELECTRON_RUN_AS_NODE: "1" } : {}) },
  };
  return new Promise((resolve, reject) => {
    execFile(node, [cli, "devices", "--json"], options, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr.trim() || error.message));
      else resolve(JSON.parse(stdout) as DeviceLine[]);
    });
  });
}

interface DeviceItem extends vscode.QuickPickItem {
  readonly line: DeviceLine;
}

function itemOf(line: DeviceLine, chosen: string): DeviceItem {
  return {
    line,
    label: `${line.device === chosen ? "$(check) " : ""}${line.device}`,
    description: line.name ?? t("not available"),
    detail: line.remarks,
  };
}

/** Lets people choose the device that forward passes and training use, and stores it in the settings. */
export async function selectDevice(extensionPath: string, config: Config): Promise<void> {
  const chosen = config.device.value;
  const picked = await vscode.window.showQuickPick<DeviceItem>(
    listDevices(extensionPath, config.nodePath.value.trim()).then((lines) =>
      lines.map((line) => itemOf(line, chosen)),
    ),
    {
      title: t("Device"),
      placeHolder: t("Where forward passes and training put their tensors"),
      matchOnDescription: true,
    },
  );
  if (picked === undefined) return;
  const { device, available, remarks } = picked.line;
  if (!available) {
    void vscode.window.showWarningMessage(t("{0} is not available: {1}", device, remarks));
    return;
  }
  const settings = vscode.workspace.getConfiguration("tensorscope");
  // Where it is set already, that is the one that counts.
  const target =
    settings.inspect("device")?.workspaceValue === undefined
      ? vscode.ConfigurationTarget.Global
      : vscode.ConfigurationTarget.Workspace;
  await settings.update("device", device, target);
}
