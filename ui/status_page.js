/* The page at /plugins/PlexSync: what is the state, what waits and why, what was done. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  const ALONE = "Not connected to Plex";
  const TITLE = "PlexSync | Stash";
  const PAGE = 20;
  /** Milliseconds between two looks: while something moves, and while nothing does. */
  const SOON = 1500;
  const CALM = 5000;
  const MOVING = new Set(["busy", "bulk"]);

  const TITLES = {
    new: "Ready for the first scene",
    settings: "Waiting for a setting",
    down: "Waiting for a server",
    bulk: "Syncing",
    paused: "Paused",
    busy: "Syncing",
    attention: "Some scenes need you",
    waiting: "In step",
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
        { name: "Last scene" },
        (state.last_look ? ui.ago(state.last_look, now) : "none so far") + rate
      ),
      h(
        Fact,
        { name: "Queue" },
        [
          [queue.ready + queue.task, "to look at"],
          [queue.waiting, "waiting"],
          [queue.parked, queue.parked === 1 ? "needs you" : "need you"],
        ]
          .filter(([count]) => count)
          .map(([count, words]) => `${ui.number(count)} ${words}`)
          .join(", ") || "empty"
      )
    );
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
        variant: bulk.running ? "success" : "secondary",
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
      return { kind: "bad", text: `${name} could not be started: ${found.error || "see Stash's log"}` };
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
    async function start(name) {
      try {
        const before = ((await lastTask()) || {}).at;
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
          found = await ui.job(id);
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
          disabled: running,
          onClick: () => start("Preview sync"),
        },
        "Preview sync"
      ),
      h(
        Button,
        {
          variant: "primary",
          disabled: running,
          onClick: () => start("Sync all to Plex"),
        },
        state && state.bulk && !state.bulk.running ? "Go on with sync all" : "Sync all to Plex"
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

  function SceneRow({ row, title, server, now, onRetry }) {
    return h(
      "tr",
      null,
      h(
        "td",
        null,
        row.kind === "scene"
          ? h(ui.SceneLink, { id: row.id, title })
          : `${row.kind} ${row.id}`
      ),
      h("td", { className: "plexsync-message" }, row.message),
      h("td", { className: "plexsync-when" }, ui.ahead(row.due_at, now)),
      h(
        "td",
        { className: "plexsync-actions" },
        row.items.map((key) => h(ui.ItemLink, { key, server, ratingKey: key })),
        h(
          ui.ActionButton,
          {
            action: onRetry,
            busyText: "Retrying…",
            "aria-label": `Retry ${title || `${row.kind} ${row.id}`}`,
          },
          "Retry"
        )
      )
    );
  }

  function GroupScenes({ reason, server, retry, stamp }) {
    const [pages, setPages] = useState([null]);
    const [found, setFound] = useState(null);
    const [titles, setTitles] = useState({});
    const [error, setError] = useState(null);
    const after = pages[pages.length - 1];

    React.useEffect(() => {
      let current = true;
      (async () => {
        try {
          const page = await ui.operation("page_scenes", { reason, after, limit: PAGE });
          if (!current) return;
          setFound(page);
          setError(null);
          const named = await ui.sceneTitles(
            page.scenes.filter((row) => row.kind === "scene").map((row) => row.id)
          );
          if (current) setTitles((known) => Object.assign({}, known, named));
        } catch (problem) {
          if (current) setError(problem.message);
        }
      })();
      return () => void (current = false);
      // `stamp` moves when the group's size does: then the page is read again.
    }, [reason, JSON.stringify(after), stamp]);

    if (error) return h("p", { className: "plexsync-quiet", role: "alert" }, error);
    if (!found) return h("p", { className: "plexsync-quiet plexsync-tall" }, "Reading…");
    return h(
      "div",
      { className: "plexsync-scroll" },
      h(
        "table",
        { className: "table table-sm plexsync-table" },
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            ["Scene", "What happened", "Next look"].map((text) =>
              h("th", { key: text, scope: "col" }, text)
            ),
            h("th", { scope: "col" }, h("span", { className: "sr-only" }, "Actions"))
          )
        ),
        h(
          "tbody",
          null,
          found.scenes.map((row) =>
            h(SceneRow, {
              key: `${row.kind} ${row.id}`,
              row,
              title: titles[row.id],
              server,
              now: found.now,
              onRetry: () => retry({ id: row.id, kind: row.kind }),
            })
          )
        )
      ),
      (pages.length > 1 || found.next) &&
        h(
          "div",
          { className: "plexsync-pager", role: "group", "aria-label": "Pages" },
          h(
            "button",
            {
              type: "button",
              className: "btn btn-secondary btn-sm",
              disabled: pages.length < 2,
              onClick: () => setPages(pages.slice(0, -1)),
            },
            "Previous"
          ),
          h("span", { "aria-live": "polite" }, `Page ${pages.length}`),
          h(
            "button",
            {
              type: "button",
              className: "btn btn-secondary btn-sm",
              disabled: !found.next,
              onClick: () => setPages([...pages, found.next]),
            },
            "Next"
          )
        )
    );
  }

  function Group({ group, server, retry, now }) {
    const [open, setOpen] = useState(false);
    const id = `plexsync-group-${group.reason}`;
    const parked = group.parked > 0;
    return h(
      "section",
      { className: `plexsync-group card ${parked ? "plexsync-parked" : ""}`, "aria-labelledby": id },
      h(
        "div",
        { className: "plexsync-group-head" },
        h(
          "div",
          null,
          h(
            "h3",
            { id },
            group.title,
            " ",
            h(
              "span",
              { className: `badge badge-${parked ? "warning" : "secondary"}` },
              ui.scenes(group.size)
            )
          ),
          h("p", null, group.advice),
          h("p", { className: "plexsync-quiet" }, `For example: ${group.message}`),
          group.next_due !== null &&
            h("p", { className: "plexsync-quiet" }, `Next look ${ui.ahead(group.next_due, now)}.`)
        ),
        h(
          "div",
          { className: "plexsync-group-buttons" },
          h(
            ui.ActionButton,
            {
              busyText: "Retrying…",
              action: () => retry({ reason: group.reason }),
              "aria-label": `Retry all: ${group.title}`,
            },
            "Retry all"
          ),
          h(
            "button",
            {
              type: "button",
              className: "btn btn-secondary btn-sm",
              "aria-expanded": open,
              "aria-controls": `${id}-scenes`,
              onClick: () => setOpen(!open),
            },
            open ? "Hide scenes" : "Show scenes"
          )
        )
      ),
      h(
        "div",
        { id: `${id}-scenes` },
        open &&
          h(GroupScenes, { reason: group.reason, server, retry, stamp: `${group.size}/${group.parked}` })
      )
    );
  }

  function Waiting({ state, retry }) {
    return h(
      "section",
      { className: "plexsync-section", "aria-labelledby": "plexsync-waiting" },
      h("h2", { id: "plexsync-waiting" }, "What waits, and why"),
      state.groups.length
        ? state.groups.map((group) =>
            h(Group, { key: group.reason, group, server: state.server, retry, now: state.now })
          )
        : h(
            "p",
            { className: "plexsync-empty" },
            state.holds.length && state.queue.ready + state.queue.task
              ? `${ui.scenes(state.queue.ready + state.queue.task)} in the queue, held by what is said ` +
                  "above and by nothing of their own. They go on by themselves."
              : "Nothing waits. A scene that cannot be synced shows up here with its reason and with what " +
              "to do about it; it is never dropped."
          )
    );
  }

  /** Adds a rule to path_map, in the settings as they are now. Gives the new text. */
  async function adoptRule(rule) {
    const settings = await ui.readSettings();
    const before = String(settings.path_map || "").trim().replace(/;\s*$/, "");
    if (before.split(";").some((known) => known.trim() === rule)) return before;
    const pathMap = before ? `${before}; ${rule}` : rule;
    await ui.saveSettings({ path_map: pathMap });
    return pathMap;
  }
  ui.adoptRule = adoptRule;

  function Paths({ state, settings, say, askNow }) {
    const [adopted, setAdopted] = useState([]);
    const used = String((settings && settings.path_map) || "").split(";").map((rule) => rule.trim());
    const list = state.path_advice.filter(
      (one) => !adopted.includes(one.rule) && !used.includes(one.rule)
    );
    if (!list.length) return null;
    async function adopt(rule) {
      try {
        await adoptRule(rule);
        setAdopted([...adopted, rule]);
        await ui.operation("retry", { reason: "NotInPlexYet" });
        say({ kind: "good", text: `The rule ${rule} is saved; the waiting scenes are looked at again.` });
        askNow();
      } catch (error) {
        say({ kind: "bad", text: error.message });
      }
    }
    return h(
      "section",
      { className: "plexsync-section card", "aria-labelledby": "plexsync-paths" },
      h("h2", { id: "plexsync-paths" }, "Stash and Plex name folders differently"),
      h(
        "p",
        null,
        "Plex has files of the same names in another folder. If that is the same folder, adopt the rule; " +
          "it is added to the setting path_map."
      ),
      h(
        "ul",
        { className: "plexsync-rules" },
        list.map((one) =>
          h(
            "li",
            { key: one.rule },
            h("code", null, one.rule),
            h("span", null, `would match ${ui.scenes(one.scenes)} seen so far`),
            h(
              ui.ActionButton,
              { action: () => adopt(one.rule), busyText: "Adopting…", variant: "primary" },
              "Adopt rule"
            )
          )
        )
      )
    );
  }

  function Preview({ at, now }) {
    const [open, setOpen] = useState(false);
    const [found, setFound] = useState(null);
    const first = React.useRef(at);
    React.useEffect(() => {
      // One that ends while the page is looked at was asked for here: show it at once.
      if (at !== first.current) setOpen(true);
    }, [at]);
    React.useEffect(() => {
      let current = true;
      if (open) {
        ui.operation("page_preview").then(
          (answer) => current && setFound(answer.text),
          (error) => current && setFound(error.message)
        );
      }
      return () => void (current = false);
    }, [open, at]);
    if (!at) return null;
    // One line that sums up, a blank one, then columns.
    const [summary, ...table] = (found || "").split("\n\n");
    return h(
      "section",
      { className: "plexsync-section card", "aria-labelledby": "plexsync-preview" },
      h(
        "div",
        { className: "plexsync-group-head" },
        h(
          "h2",
          { id: "plexsync-preview" },
          "Last preview ",
          h("span", { className: "plexsync-quiet" }, ui.ago(at, now))
        ),
        h(
          "button",
          {
            type: "button",
            className: "btn btn-secondary btn-sm",
            "aria-expanded": open,
            "aria-controls": "plexsync-preview-text",
            onClick: () => setOpen(!open),
          },
          open ? "Hide preview" : "Show preview"
        )
      ),
      h(
        "div",
        { id: "plexsync-preview-text" },
        open && h("p", null, summary || "Reading…"),
        open && table.length > 0 && h("pre", { className: "plexsync-pre", tabIndex: 0 }, table.join("\n\n"))
      )
    );
  }

  function Change({ change, title, server, now }) {
    return h(
      "li",
      { className: "plexsync-change" },
      h(
        "div",
        { className: "plexsync-links" },
        h(ui.SceneLink, { id: change.scene, title }),
        h(ui.ItemLink, { server, ratingKey: change.rating_key }),
        h("span", { className: "plexsync-quiet" }, ui.ago(change.at, now))
      ),
      h(
        "dl",
        null,
        change.changes.map(([field, before, after]) =>
          h(
            React.Fragment,
            { key: field },
            h("dt", null, field.replace(/_/g, " ")),
            h(
              "dd",
              null,
              h("del", null, before || "empty"),
              h("span", { "aria-hidden": true }, " → "),
              h("span", { className: "sr-only" }, " became "),
              h("ins", null, after || "empty")
            )
          )
        )
      )
    );
  }

  function Recent({ state }) {
    // Stash shows a scene without a title by its file's name, and so do we.
    const [names, setNames] = useState({});
    const nameless = state.history.filter((change) => !change.title).map((change) => change.scene);
    React.useEffect(() => {
      let current = true;
      ui.sceneTitles(nameless).then(
        (found) => current && setNames(found),
        () => undefined
      );
      return () => void (current = false);
    }, [nameless.join()]);
    return h(
      "section",
      { className: "plexsync-section", "aria-labelledby": "plexsync-recent" },
      h("h2", { id: "plexsync-recent" }, "Recent changes in Plex"),
      state.history.length
        ? h(
            "ul",
            { className: "plexsync-changes" },
            state.history.map((change, place) =>
              h(Change, {
                key: `${change.at} ${change.rating_key} ${place}`,
                change,
                title: change.title || names[change.scene],
                server: state.server,
                now: state.now,
              })
            )
          )
        : h(
            "p",
            { className: "plexsync-empty" },
            "Nothing was written to Plex yet. Each change shows up here, field by field, with what stood " +
              "there before."
          )
    );
  }

  function StatusPage() {
    const { Link } = window.PluginApi.libraries.ReactRouterDOM;
    const [notice, say] = useState(null);
    const [settings, setSettings] = useState(null);
    const tasking = React.useRef(false);
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
    // Each time it is drawn: Stash writes its own name there shortly after a page has opened.
    React.useEffect(() => void (document.title = TITLE));
    React.useEffect(() => () => void (document.title = "Stash"), []);

    async function retry(what) {
      try {
        const { scenes } = await ui.operation("retry", what);
        say({ kind: "good", text: `${ui.scenes(scenes)} looked at again.` });
      } catch (problem) {
        say({ kind: "bad", text: problem.message });
      }
      await askNow();
    }

    const kind = state ? state.state.kind : "reading";
    const connected = isConnected(settings);
    // Emptied settings are seen here at once; the worker looks at them when there is work.
    const alone = connected === false && ["new", "good", "waiting"].includes(kind);
    const hold = state && state.holds.find((one) => one.setting);
    return h(
      "div",
      { className: "plexsync plexsync-page" },
      h(
        "div",
        { className: "plexsync-head" },
        h("h1", null, h(ui.Mark), " PlexSync"),
        h(Toolbar, { state, say, askNow, onTask })
      ),
      h(
        "div",
        {
          className: `plexsync-state plexsync-state-${alone ? "new" : kind} card`,
          role: "status",
          "aria-live": "polite",
        },
        h("strong", null, state ? (alone ? ALONE : TITLES[kind] || "State") : "Reading the state…"),
        alone
          ? h(
              "p",
              null,
              h(Link, { to: ui.SETTINGS }, "Enter the address of Plex and sign in"),
              ". Nothing is synced until then."
            )
          : h("p", null, state ? state.state.sentence : "\u00a0"),
        hold &&
          h(
            "p",
            null,
            h(Link, { to: ui.SETTINGS }, `Mend the setting ${hold.setting}`),
            " and the queue goes on by itself."
          )
      ),
      error && h("div", { className: "alert alert-danger", role: "alert" }, error),
      h(ui.Notice, { notice: notice || (state && pastTask(state)) }),
      state && h(Progress, { bulk: state.bulk }),
      state && h(Facts, { state }),
      state && kind === "new" && h(FirstSteps, { connected, tested: Boolean(state.server) }),
      state && h(Paths, { state, settings, say, askNow }),
      state && h(Preview, { at: state.preview_at, now: state.now }),
      state && h(Waiting, { state, retry }),
      state && h(Recent, { state })
    );
  }

  ui.StatusPage = StatusPage;
})();
