/*
 * What the page asks, and of whom: Stash's GraphQL, and through it PlexSync itself.
 *
 * Stash's own mutateRunPluginTask drops its arguments, and runPluginOperation has no
 * generated document at all, so both are written out here.
 */
(function () {
  "use strict";

  const ui = (window.PlexSyncUi = window.PlexSyncUi || {});
  ui.ID = "PlexSync";
  /** Our panel among the settings; the panel shows itself where it finds the part behind #. */
  ui.ANCHOR = "plexsync-settings";
  ui.SETTINGS = `/settings?tab=plugins#${ui.ANCHOR}`;

  const OPERATION =
    "mutation PlexSyncOperation($args: Map!) { runPluginOperation(plugin_id: \"PlexSync\", args: $args) }";
  const TASK =
    "mutation PlexSyncTask($name: String!) { runPluginTask(plugin_id: \"PlexSync\", task_name: $name) }";
  const JOB = "query PlexSyncJob($id: ID!) { findJob(input: {id: $id}) { id status progress error } }";
  const STOP = "mutation PlexSyncStop($id: ID!) { stopJob(job_id: $id) }";
  const SETTINGS = "query PlexSyncSettings { configuration { plugins(include: [\"PlexSync\"]) } }";
  const SAVE =
    "mutation PlexSyncSave($input: Map!) { configurePlugin(plugin_id: \"PlexSync\", input: $input) }";

  /** Asks Stash one thing; gives `data`. Throws an Error whose message is for the reader. */
  async function ask(query, variables) {
    let reply;
    try {
      reply = await fetch(new URL("graphql", document.baseURI), {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ query, variables: variables || {} }),
      });
    } catch (error) {
      throw new Error("Stash does not answer. This page tries again by itself.");
    }
    if (reply.status === 401 || reply.redirected) {
      throw new Error("Your session with Stash has ended. Reload this page to log in.");
    }
    let answer;
    try {
      answer = await reply.json();
    } catch (error) {
      throw new Error("Stash's answer could not be read (HTTP " + reply.status + ").");
    }
    if (answer.errors && answer.errors.length) {
      throw new Error(answer.errors[0].message);
    }
    return answer.data;
  }

  /** Asks PlexSync; `mode` is one of the modes of tasks/operation.py. */
  async function operation(mode, args) {
    const data = await ask(OPERATION, { args: Object.assign({ mode }, args) });
    const output = data.runPluginOperation;
    if (output === null || typeof output !== "object") {
      throw new Error(
        "PlexSync gave no answer. Reload the plugins under Settings, Plugins, and look at Stash's log."
      );
    }
    return output;
  }

  async function readSettings() {
    const data = await ask(SETTINGS);
    return Object.assign({}, (data.configuration.plugins || {})[ui.ID]);
  }

  /**
   * Changes some settings. Stash replaces the whole map, so it is read again first:
   * what somebody else saved meanwhile stays. Gives the map as it is afterwards.
   */
  async function saveSettings(changes) {
    const input = Object.assign(await readSettings(), changes);
    await ask(SAVE, { input });
    return input;
  }

  /** Titles of scenes by id, in one request; a scene that Stash has no more is absent. */
  async function sceneTitles(ids) {
    const wanted = [...new Set(ids)].filter((id) => Number.isInteger(id) && id > 0);
    if (!wanted.length) {
      return {};
    }
    const fields = wanted.map((id) => `s${id}: findScene(id: ${id}) { id title files { path } }`);
    const data = await ask(`query PlexSyncTitles { ${fields.join(" ")} }`);
    const titles = {};
    for (const scene of Object.values(data)) {
      if (scene) {
        const file = scene.files.length ? scene.files[0].path.split(/[\\/]/).pop() : "";
        titles[scene.id] = scene.title || file || `Scene ${scene.id}`;
      }
    }
    return titles;
  }

  Object.assign(ui, {
    ask,
    operation,
    readSettings,
    saveSettings,
    sceneTitles,
    startTask: async (name) => (await ask(TASK, { name })).runPluginTask,
    job: async (id) => (await ask(JOB, { id })).findJob,
    stopJob: (id) => ask(STOP, { id }),
  });
})();
