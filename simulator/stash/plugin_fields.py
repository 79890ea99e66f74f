"""The root fields of Mutation about plugins, their settings and the job queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.stash.host import PluginError
from simulator.stash.jobs import Job, JobError, describe, plugin_args
from simulator.stash.plan import StashError
from simulator.stash.process import PluginStartError

if TYPE_CHECKING:
    from simulator.stash.app import Context
    from simulator.stash.plan import Resolver


def _configure_plugin(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    context.app.settings[str(arguments["plugin_id"])] = dict(arguments["input"])
    return arguments["input"]


def _run_plugin_task(_: Any, arguments: dict[str, Any], context: Context) -> str:
    plugin_id, name = str(arguments["plugin_id"]), arguments.get("task_name")
    given = arguments.get("args_map")
    args = plugin_args(arguments.get("args")) if given is None else dict(given)

    def work(job: Job) -> None:
        host = context.app.host
        if host is None:
            raise JobError(f"Error creating plugin task: no plugin with ID {plugin_id}")

        def progress(value: float) -> None:
            job.progress = value

        try:
            host.run_task(
                name, plugin_id=plugin_id, args=args, cancel=job.cancel, on_progress=progress
            )
        except PluginError as error:
            raise JobError(f"Error creating plugin task: {error}") from error
        except PluginStartError as error:
            raise JobError(f"Error running plugin task: {error}") from error

    return context.app.jobs.add(describe(plugin_id, name, arguments.get("description")), work).id


def _run_plugin_operation(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    host, plugin_id = context.app.host, str(arguments["plugin_id"])
    if host is None or plugin_id not in host.plugins:
        raise StashError(
            "Internal system error. Error "
            "<runtime error: invalid memory address or nil pointer dereference>"
        )
    try:
        run = host.run_operation(
            arguments.get("args"), plugin_id=plugin_id, cancel=context.cancelled()
        )
    except PluginStartError as error:
        raise StashError(str(error)) from error
    if run.error is not None:
        raise StashError(run.error)
    return run.output


def _stop_job(_: Any, arguments: dict[str, Any], context: Context) -> bool:
    context.app.jobs.stop(str(arguments["job_id"]))
    return True


def _stop_all_jobs(_: Any, __: Any, context: Context) -> bool:
    context.app.jobs.stop_all()
    return True


def _reload_plugins(_: Any, __: Any, context: Context) -> bool:
    if context.app.host:
        context.app.host.reload()
    return True


def _set_plugins_enabled(_: Any, arguments: dict[str, Any], context: Context) -> bool:
    if context.app.host:
        for plugin_id, enabled in arguments["enabledMap"].items():
            change = context.app.host.disabled.discard if enabled else context.app.host.disabled.add
            change(plugin_id)
    return True


def _metadata_scan(_: Any, __: Any, context: Context) -> str:
    """Takes in the files that wait (see /sim/files), with a Create hook for each."""
    app = context.app

    def work(job: Job) -> None:
        job.subTasks = ["Walking directory tree"]
        total = len(app.waiting_files) or 1
        while app.waiting_files and not job.cancel.is_set():
            wanted = app.waiting_files.pop(0)
            with app.database.lock:
                scene = app.database.add_scene(files=[app.database.new_file(**wanted)])
            job.subTasks = [f"Scanning {wanted['path']}"]
            if app.host:
                app.host.run_hook("Scene.Create.Post", scene.id, cancel=job.cancel)
            job.progress = 1 - len(app.waiting_files) / total

    return app.jobs.add("Scanning...", work).id


def _generate_api_key(_: Any, arguments: dict[str, Any], context: Context) -> str:
    clear = arguments["input"].get("clear")
    context.app.sessions.api_key = "" if clear else context.app.sessions.make()[:64]
    return context.app.sessions.api_key


PLUGIN_FIELDS: dict[str, Resolver] = {
    "configurePlugin": _configure_plugin,
    "runPluginTask": _run_plugin_task,
    "runPluginOperation": _run_plugin_operation,
    "stopJob": _stop_job,
    "stopAllJobs": _stop_all_jobs,
    "reloadPlugins": _reload_plugins,
    "setPluginsEnabled": _set_plugins_enabled,
    "metadataScan": _metadata_scan,
    "generateAPIKey": _generate_api_key,
}
