/* The settings that Stash draws, below our panel: in groups, the rare ones folded. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  /** Milliseconds without a change after which the settings are looked at. */
  const PAUSE = 600;

  /** Stash's own rows; a component, so that each use has its own state. */
  const Rows = ({ draw, props, rest }) => draw(props, ...rest);

  /** `isTried` when a test of the connection, which says so itself, found one of these at fault. */
  function Group({ group, names, faults, isTried, count, children }) {
    const [open, setOpen] = useState(!group.folded);
    const wrong = faults.length > 0 || isTried;
    React.useEffect(() => {
      if (wrong) setOpen(true);
    }, [wrong]);
    return h(
      "details",
      { className: "plexsync-settings-group", open, onToggle: (event) => setOpen(event.currentTarget.open) },
      h(
        "summary",
        { className: "plexsync" },
        h("strong", null, group.title),
        count > 0 && h("span", { className: "badge badge-secondary" }, `${count} set`),
        !open && h("span", { className: "plexsync-quiet" }, names)
      ),
      h(
        "div",
        { className: "plexsync" },
        faults.map((one) =>
          h(
            "p",
            { key: `${one.setting}${one.message}`, className: "plexsync-row-fault", role: "alert" },
            h("strong", null, `${ui.nameOf(one.setting)}: `),
            ui.shown(one.message)
          )
        )
      ),
      children
    );
  }

  /** Whether a setting is drawn by Stash. */
  const isStashs = (setting) => setting.name !== "tag_rules";

  /** Whether a setting has another value than the one that Stash shows where there is none. */
  const isSet = (value) => Boolean(typeof value === "string" ? value.trim() : value);

  /**
   * All settings of ours: the panel, then the groups. `draw` draws some settings as Stash does;
   * one that is in no group comes last.
   */
  function Settings({ draw, props, rest }) {
    const values = ui.useSaved();
    const [tested, setTested] = useState([]);
    // Where nobody could be asked, the panel says what is amiss.
    const { found } = ui.useTried("check_settings", { settings: values }, PAUSE);
    const faults = found ? found.faults : [];
    const known = ui.GROUPS.flatMap((group) => group.settings);
    const others = props.settings.map((one) => one.name).filter((name) => !known.includes(name));
    const groups = others.length ? [...ui.GROUPS, { title: "Others", settings: others }] : ui.GROUPS;
    return h(
      React.Fragment,
      null,
      h(ui.ConnectionPanel, { onFaults: setTested }),
      groups.map((group) => {
        const wanted = group.settings.filter((name) => !ui.OURS.includes(name));
        const settings = wanted
          .map((name) => props.settings.find((one) => one.name === name))
          .filter(Boolean);
        return h(
          Group,
          {
            key: group.title,
            group,
            names: settings.map((one) => ui.nameOf(one.name)).join(", "),
            count: group.folded ? settings.filter((one) => isSet(values[one.name])).length : 0,
            faults: faults.filter((one) => wanted.includes(one.setting)),
            isTried: tested.some((one) => wanted.includes(one.setting)),
          },
          // One of our own, for rules are lines and have to be seen at work.
          wanted.includes("tag_rules") && h(ui.TagRules, { saved: String(values.tag_rules || "") }),
          h(Rows, { draw, props: { ...props, settings: settings.filter(isStashs) }, rest })
        );
      })
    );
  }

  ui.Settings = Settings;
})();
