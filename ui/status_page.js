/* The page at /plugins/PlexSync: what is the state, what waits and why, what was done. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  const ALONE = "Not connected to Plex";
  const UNTRIED = "Not tried yet";
  /** Milliseconds between two looks: while something moves, and while nothing does. */
  const SOON = 1500;
  const CALM = 5000;
  /** Changes of a run up to which they are counted. */
  const COUNTED = 10000;
  const MOVING = new Set(["busy", "bulk"]);

  const TITLES = {
    new: "Ready for the first scene",
    settings: "Waiting for a setting",
    down: "Waiting for a server",
    bulk: "Syncing",
    paused: "Paused",
    busy: "Syncing",
    asks: "Waiting for your word",
    attention: "Some scenes need you",
    waiting: "Some scenes wait",
    partly: "Not all scenes were compared yet",
    except: "In step, with exceptions",
    good: "In step",
  };

  function Fact({ name, children }) {
    return h("div", { className: "plexsync-fact" }, h("dt", null, name), h("dd", null, children));
  }

  function Facts({ state }) {
    const { queue, server, worker, now } = state;
    const rate = state.rate ? `, ${ui.number(state.rate)} written in the last minute` : "";
    return h(
      "dl",
      { className: "plexsync-facts" },
      h(
        Fact,
        { name: "Plex" },
        server ? `${server.name} (${server.libraries.join(", ")})` : "not spoken to yet"
      ),
      h(Fact, { name: "Worker" }, worker.alive ? "awake" : "asleep until there is work"),
      h(
        Fact,
        { name: "Compared with Plex" },
        compared(state) + rate
      ),
      h(
        Fact,
        { name: "Queue" },
        [
          [queue.ready, "to look at"],
          [queue.task, "of Sync all"],
          [queue.waiting, "waiting"],
          [queue.parked, queue.parked === 1 ? "needs you" : "need you"],
          [queue.held, "held back"],
        ]
          .filter(([count]) => count)
          .map(([count, words]) => `${ui.number(count)} ${words}`)
          .join(", ") || "empty"
      )
    );
  }

  /** How many scenes were ever compared, when the last one was, and when all of them were. */
  function compared({ known, last_look, now }) {
    const of = known.total === null ? "" : ` of ${ui.number(known.total)}`;
    const out = known.left_out ? `, ${ui.number(known.left_out)} left out` : "";
    const last = last_look ? `, the last one ${ui.ago(last_look, now)}` : "";
    const all = known.all_at ? `, all of them ${ui.ago(known.all_at, now)}` : "";
    return known.compared || known.left_out ? `${ui.number(known.compared)}${of}${out}${last}${all}` : "none so far";
  }

  /** How the last task ended, for when there is nothing newer to say; null without one. */
  function pastTask({ task, now }) {
    if (!task) return null;
    const said = task.ok ? task.text : `failed. ${task.text}`;
    return { kind: task.ok ? "past" : "failed", text: `${task.name}, ${ui.ago(task.at, now)}: ${said}` };
  }

  function Progress({ bulk }) {
    const { ProgressBar } = window.PluginApi.libraries.Bootstrap;
    if (!bulk) return null;
    const done = bulk.total - bulk.left;
    return h(
      "div",
      { className: "plexsync-progress" },
      h(ProgressBar, {
        now: done,
        max: Math.max(bulk.total, 1),
        animated: bulk.running,
        variant: bulk.running ? "success" : "warning",
        "aria-label": "Scenes looked at",
      }),
      h(
        "div",
        null,
        `${ui.number(done)} of ${ui.number(bulk.total)} scenes`,
        bulk.running ? "" : ", paused"
      )
    );
  }

  /** What a task said at its end; Stash itself shows one that failed as finished. */
  async function lastTask() {
    return (await ui.operation("page_state")).task;
  }

  function ended(name, found, before, task) {
    if (found && found.status === "FAILED") {
      return { kind: "bad", text: `${name} could not be started. ${ui.problem(found.error || "See Stash's log.").message}` };
    }
    if (task && task.name === name && task.at !== before) {
      return { kind: task.ok ? "good" : "bad", text: `${name}: ${task.text}` };
    }
    if (found && found.status === "CANCELLED") {
      return { kind: "good", text: `${name} was stopped. Nothing is lost; start it again to go on.` };
    }
    return { kind: "bad", text: `${name} has ended without a word. Look at Stash's log.` };
  }

  /** Starts a task and says how it stands in Stash's queue, until it has ended. */
  function useTask(say, askNow) {
    const [job, setJob] = useState(null);
    const alive = React.useRef(true);
    React.useEffect(() => () => void (alive.current = false), []);
    /** `undoRun` is the run that the button names: what came since, as from another page, is not meant. */
    async function start(name, undoRun) {
      try {
        const now = await ui.operation("page_state");
        if (undoRun && now.undo_run !== undoRun) {
          say({ kind: "bad", text: "That is not the last sync any more, or it was undone. Look, and choose again." });
          return;
        }
        const before = (now.task || {}).at;
        const id = await ui.startTask(name);
        say({ kind: "good", text: `${name} is queued.` });
        let found = { status: "READY" };
        while (found && alive.current && !["FINISHED", "FAILED", "CANCELLED"].includes(found.status)) {
          setJob({ id, name, status: found.status });
          if (found.status === "READY") {
            say({ kind: "good", text: `${name} waits until Stash's current task has ended.` });
          } else if (found.status === "RUNNING") {
            say({ kind: "good", text: `${name} is running.` });
          }
          await new Promise((wake) => window.setTimeout(wake, 700));
          found = await ui.job(id).catch((error) => {
            // A Stash that is being restarted will say what became of it.
            if (!error.isAway) throw error;
            return found;
          });
        }
        if (!alive.current) return;
        say(ended(name, found, before, await lastTask()));
      } catch (error) {
        say({ kind: "bad", text: error.message });
      } finally {
        if (alive.current) {
          setJob(null);
          askNow();
        }
      }
    }
    return [job, start];
  }

  function Toolbar({ state, say, askNow, onTask }) {
    const { Button } = window.PluginApi.libraries.Bootstrap;
    const [job, start] = useTask(say, askNow);
    const running = Boolean(job);
    React.useEffect(() => onTask(running), [running]);
    return h(
      "div",
      { className: "plexsync-toolbar", role: "group", "aria-label": "Tasks" },
      h(
        Button,
        {
          variant: "secondary",
          "aria-disabled": running || undefined,
          onClick: running ? undefined : () => start("Preview sync"),
        },
        "Preview sync"
      ),
      h(
        Button,
        {
          variant: "primary",
          "aria-disabled": running || undefined,
          onClick: running ? undefined : () => start("Sync all to Plex"),
        },
        state && state.bulk && !state.bulk.running ? "Go on with sync all" : "Sync all to Plex"
      ),
      state &&
        state.undo_run > 0 &&
        !running &&
        h(
          Button,
          {
            variant: "secondary",
            "aria-describedby": "plexsync-undo-run",
            onClick: () => start("Undo last sync", state.undo_run),
          },
          "Undo last sync"
        ),
      state &&
        state.undo_run > 0 &&
        !running &&
        h(
          "span",
          { className: "plexsync-quiet", id: "plexsync-undo-run" },
          `${ui.runName(state.undo_run, state.gone_on)}: ${ui.number(state.undo_size)}` +
            `${state.undo_size < COUNTED ? "" : " or more"} ` +
            (state.undo_size === 1 ? "change" : "changes")
        ),
      job &&
        h(
          ui.ActionButton,
          {
            size: "md",
            variant: "danger",
            busyText: "Stopping…",
            action: () => ui.stopJob(job.id).catch((error) => say({ kind: "bad", text: error.message })),
          },
          "Stop"
        )
    );
  }

  /** Whether the settings say where Plex is and who we are there; null while they are read. */
  function isConnected(settings) {
    const set = (name) => Boolean(String(settings[name] || "").trim());
    return settings && set("plex_url") && set("plex_token");
  }

  function FirstSteps({ connected, tested }) {
    const { Link } = window.PluginApi.libraries.ReactRouterDOM;
    const step = (done, text) =>
      h("li", { className: done ? "plexsync-done" : "" }, done && h("span", null, "Done: "), text);
    return h(
      "section",
      { className: "plexsync-section card", "aria-labelledby": "plexsync-first" },
      h("h2", { id: "plexsync-first" }, "Three steps to the first scene"),
      h(
        "ol",
        { className: "plexsync-steps" },
        step(connected, [
          "Enter the address of Plex and sign in, under ",
          h(Link, { key: "link", to: ui.SETTINGS }, "Settings, Plugins, PlexSync"),
          ".",
        ]),
        step(tested, "Press Test connection there. It names the one setting to mend, if there is one."),
        step(false, "Save any scene in Stash, or press Sync all to Plex above. Both show up here.")
      )
    );
  }

  /** Hands a text over as a file, as if it had been downloaded. */
  function saveFile(name, text) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    const link = Object.assign(document.createElement("a"), { href: address, download: name });
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  function Help({ say }) {
    const save = () =>
      ui.told(say, async () => {
        const { name, text } = await ui.operation("page_diagnostics");
        saveFile(name, text);
        return `${name} is saved. Attach it to your question.`;
      });
    return h(
      "section",
      { className: "plexsync-section", "aria-labelledby": "plexsync-help" },
      h("h2", { id: "plexsync-help" }, "When you ask somebody for help"),
      h(
        "p",
        null,
        "The diagnostics tell versions, settings, what waits and what Check connection says. They hold no " +
          "token, cookie, title, path or address, so they can be shown to anybody."
      ),
      h(ui.ActionButton, { action: save, busyText: "Collecting…" }, "Save diagnostics")
    );
  }

  function StatusPage() {
    const { Link } = window.PluginApi.libraries.ReactRouterDOM;
    const [notice, say] = useState(null);
    const [settings, setSettings] = useState(null);
    const tasking = React.useRef(false);
    const place = React.useRef(null);
    ui.useFocusKept(place);
    const [state, error, askNow] = ui.usePolling(
      () => ui.operation("page_state"),
      (found) => (tasking.current || (found && MOVING.has(found.state.kind)) ? SOON : CALM)
    );
    function onTask(running) {
      tasking.current = running;
      if (running) askNow();
    }
    React.useEffect(() => {
      ui.readSettings().then(setSettings, () => undefined);
    }, []);

    async function retry(what) {
      await ui.told(say, async () => {
        const { scenes } = await ui.operation("retry", what);
        return scenes ? `${ui.number(scenes)} looked at again.` : "Nothing of that waits any more.";
      });
      await askNow();
    }

    const kind = state ? state.state.kind : "reading";
    const connected = isConnected(settings);
    // Emptied settings are seen here at once; the worker looks at them when there is work.
    const alone = connected === false && ["new", "good", "except", "partly", "waiting"].includes(kind);
    const hold = state && state.holds.find((one) => one.setting);
    const untried = kind === "new" && state && !state.server;
    const title = alone ? ALONE : untried ? UNTRIED : TITLES[kind] || "State";
    return h(
      "div",
      { className: "plexsync plexsync-page", ref: place },
      h(
        "div",
        { className: "plexsync-head" },
        h("h1", null, h(ui.Mark), " PlexSync"),
        h(Toolbar, { state, say, askNow, onTask })
      ),
      h(
        "div",
        { className: `plexsync-state plexsync-state-${alone ? "new" : kind} card` },
        // The sentence counts and tells the time: read out with each look, it would never end.
        h("strong", { role: "status" }, state ? title : ui.noState(error)),
        alone
          ? h(
              "p",
              null,
              h(Link, { to: ui.SETTINGS }, "Enter the address of Plex and sign in"),
              ". Nothing is synced until then."
            )
          : h("p", null, state ? ui.shown(state.state.sentence) : "\u00a0"),
        hold &&
          h(
            "p",
            null,
            h(Link, { to: ui.SETTINGS }, `Mend the setting ${ui.nameOf(hold.setting)}`),
            " and the queue goes on by itself."
          )
      ),
      h(ui.Problem, { error }),
      h(ui.Notice, { notice: error && notice && notice.text === error.message ? null : notice || (state && pastTask(state)) }),
      state && h(ui.Question, { question: state.question, now: state.now, say, askNow }),
      state && h(Progress, { bulk: state.bulk }),
      state && h(Facts, { state }),
      state && kind === "new" && h(FirstSteps, { connected, tested: Boolean(state.server) }),
      state && h(ui.Paths, { state, settings, say, askNow }),
      state && h(ui.Preview, { state, settings }),
      state && h(ui.Waiting, { state, retry }),
      state && h(ui.Refused, { state }),
      state && h(ui.Differences, { state, say, askNow }),
      state && h(ui.Recent, { state }),
      // Not before the rest, which would push it down; but also where the rest cannot be read.
      (state || error) && h(Help, { say })
    );
  }

  ui.StatusPage = StatusPage;
})();
