/* The tab "Plex" on a scene's page: in step, waiting, or why not. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;

  const TITLES = {
    good: "In step with Plex",
    kept: "In step but for what is kept",
    refused: "In step but for a picture",
    busy: "Being synced",
    waiting: "Waiting",
    down: "Waiting for a server",
    settings: "Waiting for a setting",
    left_out: "Left out",
    parked: "Could not be synced",
    held: "Held back",
    shares: "Shares its item",
    unknown: "Not looked at yet",
  };

  /** Milliseconds after a button was pressed in which the state may change any moment. */
  const WATCHED = 8000;
  const IN_STEP = new Set(["good", "kept", "refused"]);

  function SceneState({ id }) {
    const { Link } = window.PluginApi.libraries.ReactRouterDOM;
    const [problem, setProblem] = React.useState(null);
    const place = React.useRef(null);
    ui.useFocusKept(place);
    // What a press of a button came to is looked for at once, and for some seconds.
    const pressed = React.useRef(0);
    const isSoon = (found) => (found && found.state.kind === "busy") || Date.now() - pressed.current < WATCHED;
    const [state, error, askNow] = ui.usePolling(
      () => ui.operation("scene_state", { id }),
      (found) => (isSoon(found) ? 1000 : 10000)
    );

    async function syncNow() {
      pressed.current = Date.now();
      try {
        await ui.operation("sync_scene", { id });
        setProblem(null);
      } catch (failure) {
        setProblem(failure);
      }
      await askNow();
    }

    async function undo() {
      pressed.current = Date.now();
      try {
        const { items } = await ui.operation("undo_scene", { id, at: last.at });
        setProblem(
          items ? null : new Error("Nothing was undone: that is not the scene's last change any more.")
        );
      } catch (failure) {
        setProblem(failure);
      }
      await askNow();
    }

    const last = state && state.last_change;
    const cameFromPlex = last && last.fields.every((name) => name.endsWith(" in Plex"));
    const kind = state ? state.state.kind : "reading";
    const item = state && state.items[0];
    return h(
      "div",
      { className: "plexsync plexsync-scene", ref: place },
      h(
        "div",
        { className: `plexsync-state plexsync-state-${kind} card` },
        // What follows tells the time: read out with each look, it would never end.
        h("strong", { role: "status" }, state ? TITLES[kind] || kind : ui.noState(error)),
        h("p", null, state ? ui.shown(state.state.sentence) : "\u00a0"),
        state && state.note && IN_STEP.has(kind) && h("p", { className: "plexsync-quiet" }, ui.shown(state.note)),
        state &&
          state.looked_at &&
          kind !== "unknown" &&
          h("p", { className: "plexsync-quiet" }, `Looked at ${ui.ago(state.looked_at, state.now)}.`),
        state &&
          (state.plays || []).length > 0 &&
          h(
            "p",
            { className: "plexsync-quiet" },
            "Plays that came from Plex, the newest first: " +
              state.plays.map((at) => new Date(at * 1000).toLocaleString()).join(", ") +
              "."
          ),
        state &&
          (state.came || []).map((one) =>
            h(
              "p",
              { key: `${one.at} ${one.field}`, className: "plexsync-quiet" },
              `Came from Plex, ${one.field}: ${one.after || "nothing"}, before ${one.before || "nothing"}, ` +
                `${ui.ago(one.at, state.now)}${one.undone === "back" ? ", undone" : ""}.`
            )
          )
      ),
      h(ui.Problem, { error: error || problem }),
      h(
        "div",
        { className: "plexsync-toolbar" },
        h(ui.ActionButton, { action: syncNow, busyText: "Marking…", variant: "primary", size: "md" }, "Sync now"),
        last &&
          h(
            ui.ActionButton,
            {
              action: undo,
              busyText: "Undoing…",
              size: "md",
              "aria-describedby": "plexsync-last-change",
            },
            "Undo last change"
          ),
        item &&
          state.server &&
          h(
            ui.Away,
            {
              className: "btn btn-secondary",
              href: ui.itemAddress(state.server, item.rating_key, false),
            },
            "Open in Plex"
          ),
        item &&
          state.server &&
          h(
            ui.Away,
            { href: ui.itemAddress(state.server, item.rating_key, true) },
            "Open without plex.tv"
          ),
        h(Link, { to: "/plugins/PlexSync" }, "PlexSync's page")
      ),
      last &&
        h(
          "p",
          { id: "plexsync-last-change", className: "plexsync-quiet" },
          `${cameFromPlex ? "Last came from Plex" : "Last changed in Plex"} ${ui.ago(last.at, state.now)}: ` +
            `${last.fields.map(ui.words).join(", ")}. ` +
            (cameFromPlex
              ? "Undoing it gives Stash back what it had, where nobody changed it since, and leaves Plex as it is."
              : "Undoing it leaves Stash as it is; the difference then stands on PlexSync's page.")
        )
    );
  }

  ui.SceneState = SceneState;
})();
