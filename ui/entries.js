/* Where PlexSync shows up in Stash: its route, the bar at the top, Tools, settings, scenes. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const api = window.PluginApi;
  const React = api.React;
  const h = React.createElement;
  const PATH = "/plugins/PlexSync";
  const TAB = "plexsync-panel";

  api.register.route(PATH, ui.StatusPage);

  /** Puts something behind what a container of Stash shows already. */
  function append(container, make) {
    api.patch.before(container, (props, ...rest) => [
      { ...props, children: h(React.Fragment, null, props.children, make(props)) },
      ...rest,
    ]);
  }

  function BarEntry() {
    const { Button } = api.libraries.Bootstrap;
    const { NavLink } = api.libraries.ReactRouterDOM;
    return h(
      Button,
      {
        as: NavLink,
        to: PATH,
        exact: true,
        className: "nav-utility minimal d-flex align-items-center plexsync-bar-entry",
        title: "PlexSync",
        "aria-label": "PlexSync",
      },
      h(ui.Mark)
    );
  }
  append("MainNavBar.UtilityItems", () => h(BarEntry, { key: "plexsync" }));

  // Stash draws this container twice on one page; the first to come has the entry.
  let holder = null;
  function ToolsEntry() {
    const { Setting } = api.components;
    const { Link } = api.libraries.ReactRouterDOM;
    const { Button } = api.libraries.Bootstrap;
    const self = React.useRef({});
    const [mine, setMine] = React.useState(false);
    React.useLayoutEffect(() => {
      if (!holder) {
        holder = self.current;
        setMine(true);
      }
      return () => {
        if (holder === self.current) holder = null;
      };
    }, []);
    if (!mine || !Setting) return null;
    return h(Setting, {
      heading: h(Button, { as: Link, to: PATH }, "PlexSync"),
      subHeading: "What is in step with Plex, what waits, and why.",
    });
  }
  append("SettingsToolsSection", () => h(ToolsEntry, { key: "plexsync" }));

  // Some rows are our panel's; Stash draws the others, group by group.
  api.patch.instead("PluginSettings", function (props, ...rest) {
    const next = rest[rest.length - 1];
    const others = rest.slice(0, -1);
    if (props.pluginID !== ui.ID) return next(props, ...others);
    return h(ui.Settings, { draw: next, props, rest: others });
  });

  // Since Stash 0.28; before, these two are never drawn and nothing is amiss.
  append("ScenePage.Tabs", () => {
    const { Nav } = api.libraries.Bootstrap;
    return h(Nav.Item, { key: TAB }, h(Nav.Link, { eventKey: TAB }, "Plex"));
  });
  append("ScenePage.TabContent", (props) => {
    const { Tab } = api.libraries.Bootstrap;
    const id = props.scene && props.scene.id;
    return h(
      Tab.Pane,
      { key: TAB, eventKey: TAB, mountOnEnter: true, unmountOnExit: true },
      id && h(ui.SceneState, { key: id, id })
    );
  });

  // Stash 0.27 draws its page before plugins' scripts are there, and asks for what they have
  // registered only when it draws again: so its router is told of a place, which is the same.
  const root = document.getElementById("root");
  if (root && root.childElementCount) {
    window.dispatchEvent(new PopStateEvent("popstate", { state: window.history.state }));
  }
})();
