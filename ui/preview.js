/* The plan: what the last preview found that "Sync all" would do, by what it means for Plex. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  /** Rows of a page. */
  const PAGE = 20;

  const { words } = ui;

  function Row({ row, server }) {
    return h(
      "li",
      { className: "plexsync-change" },
      h(
        "div",
        { className: "plexsync-links" },
        h(ui.SceneLink, { id: row.scene, title: row.title }),
        h(ui.ItemLink, { server, ratingKey: row.rating_key })
      ),
      h(
        "dl",
        null,
        h("dt", null, words(row.field)),
        h(ui.ChangedValue, {
          field: row.field,
          scene: row.scene,
          before: row.before,
          after: row.after,
          // Of members only those that come, or those that go, are named.
          partly: ["added", "removed"].includes(row.effect),
          kept: row.effect === "kept",
          taken: row.effect === "taken",
        })
      )
    );
  }

  /** The pages of what is known by name of a group; `at` is when its plan was made. */
  function Rows({ group, server, at }) {
    const [field, setField] = useState("");
    const { found, error, pager, toFirst } = ui.usePages(
      "page_planned",
      { effect: group.effect, field, limit: PAGE },
      { stamp: at }
    );
    React.useEffect(toFirst, [at]);
    if (error || !found) return ui.noRows(error);
    return h(
      "div",
      { className: "plexsync-scroll" },
      group.fields.length > 1 &&
        h(
          "select",
          {
            className: "form-control form-control-sm plexsync-search",
            value: field,
            "aria-label": `Field: ${group.title}`,
            onChange: (event) => {
              setField(event.target.value);
              toFirst();
            },
          },
          h("option", { value: "" }, "All fields"),
          group.fields.map(([name, size]) =>
            h("option", { key: name, value: name }, `${words(name)} (${ui.number(size)})`)
          )
        ),
      h(
        "ul",
        { className: "plexsync-changes" },
        found.rows.map((row) => h(Row, { key: row.number, row, server }))
      ),
      !found.next &&
        group.examples > 0 &&
        h(
          "p",
          { className: "plexsync-quiet" },
          `These are examples: of each field the first ${ui.number(group.examples)}.`
        ),
      pager
    );
  }

  function Group({ group, server, at }) {
    const [open, setOpen] = useState(false);
    const id = `plexsync-plan-${group.effect}`;
    return h(
      "section",
      { className: "plexsync-planned", "aria-labelledby": id },
      h(
        "div",
        { className: "plexsync-group-head" },
        h(
          "div",
          null,
          h(ui.GroupTitle, { id, title: group.title, size: ui.number(group.size) }),
          h("p", { className: "plexsync-quiet" }, ui.shown(group.what)),
          h(
            "p",
            null,
            group.fields.map(([field, size]) => `${words(field)} ${ui.number(size)}`).join(", ")
          )
        ),
        h(
          "div",
          { className: "plexsync-group-buttons" },
          h(ui.Unfold, {
            open,
            setOpen,
            controls: `${id}-rows`,
            show: "Show",
            hide: "Hide",
            "aria-label": `${open ? "Hide" : "Show"}: ${group.title}`,
          })
        )
      ),
      h("div", { id: `${id}-rows` }, open && h(Rows, { group, server, at }))
    );
  }

  /** The settings as far as a plan depends on them: not who we are at Plex. */
  function withoutToken(settings) {
    const { plex_token: _, ...others } = settings;
    return others;
  }

  function Preview({ state, settings }) {
    const [plan, setPlan] = useState(null);
    const [error, setError] = useState(null);
    // What an old plan says is folded, or it would look as if it were true now.
    const [unfolded, setUnfolded] = useState(null);
    const at = state.preview_at;
    // What may make a plan old is in the state; then it is asked for again.
    const newest = state.history.length ? state.history[0].number : 0;
    React.useEffect(() => {
      let current = true;
      if (at) {
        const given = settings ? { settings: withoutToken(settings) } : {};
        ui.operation("page_plan", given).then(
          (answer) => {
            if (!current) return;
            setPlan(answer);
            setError(null);
          },
          (problem) => current && setError(problem.message)
        );
      }
      return () => void (current = false);
    }, [at, settings, newest, state.last_look, state.task && state.task.at]);
    if (!at) return null;
    return h(
      "section",
      { className: "plexsync-section card", "aria-labelledby": "plexsync-preview" },
      h(
        "h2",
        { id: "plexsync-preview" },
        "What Sync all would do ",
        h("span", { className: "plexsync-quiet" }, `previewed ${ui.ago(at, state.now)}`)
      ),
      error && h("p", { role: "alert" }, error),
      !plan && !error && h("p", { className: "plexsync-quiet plexsync-tall" }, "Reading…"),
      plan &&
        h(
          React.Fragment,
          null,
          plan.old &&
            h(
              "p",
              { role: "status" },
              h("span", { className: "badge badge-warning" }, "Old"),
              ` ${plan.old} Press Preview sync to look anew.`
            ),
          plan.old &&
            h(ui.Unfold, {
              open: unfolded === at,
              setOpen: (open) => setUnfolded(open ? at : null),
              controls: "plexsync-plan",
              show: "Show the old plan",
              hide: "Hide the old plan",
            }),
          h(
            "div",
            { id: "plexsync-plan" },
            (!plan.old || unfolded === at) && h("p", null, plan.text),
            (!plan.old || unfolded === at) &&
              plan.groups.map((group) =>
                h(Group, { key: group.effect, group, server: state.server, at: plan.at })
              )
          )
        )
    );
  }

  ui.Preview = Preview;
})();
