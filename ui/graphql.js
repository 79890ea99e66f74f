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
  const FIND =
    "query PlexSyncFind($filter: FindFilterType, $scenes: SceneFilterType) " +
    "{ findScenes(filter: $filter, scene_filter: $scenes) { scenes { id } } }";
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
      throw Object.assign(new Error("Stash does not answer. This page tries again by itself."), {
        isAway: true,
      });
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
      throw problem(answer.errors[0].message);
    }
    return answer.data;
  }

  /** What Stash says when it cannot run PlexSync's Python at all, or when that ends at once. */
  const NO_PYTHON = /executable file not found|no such file or directory|cannot find the (file|path)|not a valid Win32|permission denied/i;
  const ENDED = /^exit status \d+$|exit status 9009/;
  const WHERE = [
    "Docker: use Stash's own image (stashapp/stash), which brings Python, or an image that has python3.",
    "Windows: install Python from python.org with “Add python.exe to PATH” ticked.",
    "Debian, Ubuntu and the like: apt install python3.",
    "More than one Python? Name the newer one under Settings, System, Python Executable Path.",
    "Then restart Stash. Nothing is lost meanwhile: PlexSync finds by itself what was saved.",
  ];

  /** An Error for the reader whose `steps`, if any, say one by one what to do. */
  function problem(text) {
    const none = NO_PYTHON.test(text) && /exec|fork|python/i.test(text);
    const old = /needs Python \d+\.\d+ or newer/.test(text);
    const error = new Error(text);
    if (none) {
      error.message = "Stash finds no Python to run PlexSync with. PlexSync needs Python 3.10 or newer.";
    } else if (ENDED.test(text)) {
      error.message =
        "The Python that Stash runs PlexSync with ended at once: it is too old (PlexSync needs 3.10 or " +
        "newer) or not complete. Stash's log has its last words.";
    } else if (!old) {
      return error;
    }
    error.steps = WHERE;
    error.isPython = true;
    return error;
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

  /** Ids of the scenes that a text is about: a number is an id or a whole title, all else is searched for. */
  async function findScenes(text) {
    const number = /^\s*(?:scene\s*)?(\d+)\s*$/i.exec(text);
    const data = await ask(FIND, {
      filter: { per_page: 200, q: number ? "" : text },
      scenes: number ? { title: { value: number[1], modifier: "EQUALS" } } : {},
    });
    const found = data.findScenes.scenes.map((scene) => Number(scene.id));
    return number ? [Number(number[1]), ...found] : found;
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
    problem,
    operation,
    readSettings,
    saveSettings,
    findScenes,
    sceneTitles,
    startTask: async (name) => (await ask(TASK, { name })).runPluginTask,
    job: async (id) => (await ask(JOB, { id })).findJob,
    stopJob: (id) => ask(STOP, { id }),
  });
})();
