/* What waits, and why: the queue by reason, a page of scenes at a time, Retry. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  /** Scenes of a page. */
  const PAGE = 20;
  /** Reasons of what is held back: nothing failed that could be tried again. */
  const HELD = new Set(["HeldBack", "TakesAway"]);

  /** Reasons of which each is a card; of more each is a line, to be unfolded. */
  const FEW = 3;
  /** Characters of a message that always fit into its row. */
  const SHORT = 60;

  /** What happened, on one line until it is unfolded. */
  function Message({ text }) {
    if (text.length <= SHORT) return text;
    return h("details", { className: "plexsync-line" }, h("summary", null, text));
  }

  function Fold({ group, now, children }) {
    const parked = group.parked > 0;
    return h(
      "details",
      { className: `plexsync-fold ${parked ? "plexsync-parked" : ""}` },
      h(
        "summary",
        null,
        h("strong", null, group.title),
        h("span", { className: `badge badge-${parked ? "warning" : "secondary"}` }, ui.number(group.size)),
        group.next_due !== null && h("span", { className: "plexsync-quiet" }, ui.ahead(group.next_due, now))
      ),
      children
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
      h("td", { className: "plexsync-message" }, h(Message, { text: ui.shown(row.message) })),
      h("td", { className: "plexsync-when" }, onRetry ? ui.ahead(row.due_at, now) : "when decided"),
      h(
        "td",
        { className: "plexsync-actions" },
        row.items.map((key) => h(ui.ItemLink, { key, server, ratingKey: key })),
        onRetry &&
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
    // `stamp` moves when the group's size does, or when it is looked at next: then the page is read again.
    const { found, titles, error, pager } = ui.usePages(
      "page_scenes",
      { reason, limit: PAGE },
      {
        stamp,
        rows: (page) => page.scenes,
        scenes: (page) => page.scenes.filter((row) => row.kind === "scene").map((row) => row.id),
      }
    );
    if (error || !found) return ui.noRows(error);
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
              onRetry: HELD.has(reason) ? null : () => retry({ id: row.id, kind: row.kind }),
            })
          )
        )
      ),
      pager
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
          h(ui.GroupTitle, { id, title: group.title, size: ui.scenes(group.size), warns: parked }),
          h("p", null, ui.shown(group.advice)),
          h("p", { className: "plexsync-quiet" }, `For example: ${ui.shown(group.message)}`),
          group.next_due !== null &&
            h("p", { className: "plexsync-quiet" }, `Next look ${ui.ahead(group.next_due, now)}.`)
        ),
        h(
          "div",
          { className: "plexsync-group-buttons" },
          !HELD.has(group.reason) &&
            h(
              ui.ActionButton,
              {
                busyText: "Retrying…",
                action: () => retry({ reason: group.reason }),
                "aria-label": `Retry all: ${group.title}`,
              },
              "Retry all"
            ),
          h(ui.Unfold, { open, setOpen, controls: `${id}-scenes`, show: "Show scenes", hide: "Hide scenes" })
        )
      ),
      h(
        "div",
        { id: `${id}-scenes` },
        open &&
          h(GroupScenes, { reason: group.reason, server, retry, stamp: `${group.size}/${group.parked}/${group.next_due}` })
      )
    );
  }

  function Waiting({ state, retry }) {
    // What a paused Sync all has left goes on when that is started again, and not by itself.
    const held = state.queue.ready + (state.bulk && !state.bulk.running ? 0 : state.queue.task);
    return h(
      "section",
      { className: "plexsync-section", "aria-labelledby": "plexsync-waiting" },
      h("h2", { id: "plexsync-waiting" }, "What waits, and why"),
      state.groups.length
        ? state.groups.map((group) => {
            const card = h(Group, { group, server: state.server, retry, now: state.now });
            const { reason } = group;
            return state.groups.length > FEW
              ? h(Fold, { key: reason, group, now: state.now }, card)
              : h(React.Fragment, { key: reason }, card);
          })
        : h(
            "p",
            { className: "plexsync-empty" },
            state.holds.length && held
              ? `${ui.number(held)} in the queue, held by what is said ` +
                  "above and by nothing else. All goes on by itself."
              : "Nothing waits. A scene that cannot be synced shows up here with its reason and with what " +
              "to do about it; it is never dropped."
          )
    );
  }

  ui.Waiting = Waiting;
})();
