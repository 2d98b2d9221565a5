"""Who is whose parent, in the plainest code."""

from __future__ import annotations

from typing import Union

from reliability.model_identity import LOOK_BACK, Identity, Standin, Who, form
from reliability.model_rows import Row, file_name, kind_of, kind_of_parent, same_name

EXEC_SECONDS = 3_600.0
DETACHED_SECONDS = 2.0
DETACHED_PIDS = 16

SCRIPTS = {"sh", "dash", "bash", "python3", "perl"}
DETACHED = {*SCRIPTS, "setsid", "nohup", "curl"}
INIT = {"systemd", "init", "launchd"}

Link = tuple[Union[Who, None], str]
"""A parent, if there is one, and what ties the child to it."""

Links = dict[int, Link]


def contradict(one: str, other: str) -> bool:
    """Whether two GUIDs are of two processes: of one form and not the same."""
    return bool(one and other) and one != other and form(one) == form(other)


def of_windows(row: Row) -> bool:
    """By the path, else by how the line begins: with a drive or share, or a name with `.exe`."""
    path, line = row["process_path"], row["process"].lower()
    if path:
        return "\\" in path and path[0] != "/"
    first = line.replace('"', " ").split()[:1] or [""]
    program = first[0].endswith(".exe") and "/" not in first[0]
    return line.lstrip('"')[1:3] == ":\\" or line.startswith("\\\\") or program


class Parents(Identity):
    """Finds the parent of every process."""

    def parent(self, row: int) -> Link:
        """The parent of a row and what ties them, before circles are cut.

        What stands for several rows has the parent that the richest of them names; only where none
        names one that arrived, what they say stands for it.
        """
        found = self._taken_over(row)
        ways = (self._named_by_guid, self._named_by_id, self._named_by_line)
        for copy in self.copies(row)[:LOOK_BACK]:
            for way in ways:
                found = found or way(copy)
        for copy in self.copies(row)[:LOOK_BACK]:
            found = found or self._standin(copy)
        return found or (None, "")

    def _taken_over(self, row: int) -> tuple[Who, str] | None:
        """What exec put in the place of an installer hangs under the image before.

        One id, one parent, at most an hour between two images, nothing else between; Windows,
        has no exec.
        """
        tops = [i for i in self.on_host(row) if self.stands_for(i) == i and i != row]
        for top in self.sorted(tops):
            me = self.rows[top]
            parent = me["parent_pid"], me["parent_guid"]
            if kind_of(me) is None or of_windows(me) or not me["pid"] or parent == ("", ""):
                continue
            images = self.history(top, me["pid"])
            until = [i for i in images if self.began(i) <= me["time"]]
            if top not in until[-LOOK_BACK:]:
                continue
            place, before = images.index(top), top
            for after in images[place + 1 : place + 1 + LOOK_BACK]:
                other = self.rows[after]
                waited = other["time"] - self.rows[before]["time"]
                if (other["parent_pid"], other["parent_guid"]) != parent or waited > EXEC_SECONDS:
                    break
                if after == row:
                    return before, "pid"
                before = after
        return None

    def _named_by_guid(self, row: int) -> tuple[Who, str] | None:
        me = self.rows[row]
        found = self.of_guid(row, me["parent_guid"], me["parent_pid"], me["time"])
        if found is None or found == self.stands_for(row):
            return None
        image = self._image_that_is_named(found, row)
        return (found, "guid") if image is None else (image, "pid")

    def _image_that_is_named(self, parent: int, row: int) -> int | None:
        """What a parent had become by exec, where the child's words say so and its GUID does not.

        Not where all have a GUID, nor on Windows: the images that came after with its id and its
        parent, before the child, and of those the first with the line that the child says.
        """
        line, above = self.rows[row]["parent_process"], self.rows[parent]
        if self.all_have_guids() or not line or line == above["process"] or of_windows(above):
            return None
        images = self.history(parent, above["pid"])
        until = [i for i in images if self.began(i) <= above["time"]]
        if parent not in until[-LOOK_BACK:] + images[len(until) :][:LOOK_BACK]:
            return None
        for image in images[images.index(parent) + 1 : len(until) + LOOK_BACK]:
            same = self.rows[image]["parent_pid"] == above["parent_pid"]
            if not same or self.began(image) > self.rows[row]["time"]:
                return None
            if self.rows[image]["process"] == line and image != self.stands_for(row):
                return image
        return None

    def _named_by_id(self, row: int) -> tuple[Who, str] | None:
        """The latest process with the parent's id, if what the child says of its parent fits.

        If it does not fit, the one before, as long as the two may be images of one process: exec
        keeps the parent. Of those, one with exactly the parent's command line is better.
        """
        me = self.rows[row]
        known = self.history(row, me["parent_pid"])
        before = [i for i in known if self.began(i) <= me["time"]][-LOOK_BACK:]
        images: list[int] = []
        for candidate in reversed(before):
            other = self.rows[candidate]
            last = self.rows[images[-1]] if images else other
            if other["parent_pid"] != last["parent_pid"]:
                break
            images.append(candidate)
        fitting = [
            i
            for i in images
            if i != self.stands_for(row) and not contradict(me["parent_guid"], self.guid(i))
        ]
        line = me["parent_process"]
        exact = [i for i in fitting if line and self.rows[i]["process"] == line]
        named = [i for i in fitting if self.fits(i, row)]
        return next(((i, "pid") for i in exact + named), None)

    def fits(self, candidate: int, child: int) -> bool:
        """The name that the child gives is that of the process or begins its command line.

        A script shows under its interpreter's name, so the second word counts too.
        """
        me, other = self.rows[child], self.rows[candidate]
        said = me["parent_process_name"]
        if not said and not me["parent_process"]:
            return True
        words = [*other["process"].split()[:2], other["process_exec"], other["process_name"]]
        return any(same_name(said, file_name(word)) for word in words if word)

    def _named_by_line(self, row: int) -> tuple[Who, str] | None:
        """A shell that forks and never calls exec leaves a gap.

        The child's parent has the command line of the process that forked it: the latest with that
        line, within the lifetime. Not on Windows, which has no fork, and not against a GUID: the
        child names one that never arrived, and the latest with the line has another.
        """
        me = self.rows[row]
        line = me["parent_process"]
        if not line:
            return None
        same = [i for i in self.on_host(row) if self.rows[i]["process"] == line]
        for other in reversed(self.sorted(same)):
            if self.rows[other]["time"] > me["time"]:
                continue
            if me["time"] - self.rows[other]["time"] > self.lifetime:
                return None
            found = self.stands_for(other)
            if found == self.stands_for(row):
                continue
            if me["parent_guid"] and self.guid(found):
                return None
            if of_windows(me) or of_windows(self.rows[found]):
                return None
            return found, "parent_fields"
        return None

    def _standin(self, row: int) -> tuple[Who, str] | None:
        """What the child says stands for an installer that never arrived.

        One for all children that name one GUID, else one id and one command line; for a child that
        names neither, one of its own. It says what the earliest says that calls it an installer.
        """
        me = self.rows[row]
        if not me["parent_guid"] and kind_of_parent(me) is None:
            return None
        key, siblings = self.siblings(row)
        said = [i for i in siblings if kind_of_parent(self.rows[i]) is not None]
        if not said:
            return None
        told_by = self.sorted(said)[0]
        first = self.rows[told_by]
        own = (first["time"], first["dest"], first["user"])
        parent = [first["parent_" + name] for name in Standin._fields[5:]]
        return Standin(key, told_by, *own, *parent), "parent_fields"

    def siblings(self, row: int) -> tuple[tuple[str, ...], list[int]]:
        """What a row says of a parent that never arrived, and the rows that say the same."""
        keys = {i: self.said_of_parent(i) for i in self.on_host(row)}
        return keys[row], [i for i, key in keys.items() if key == keys[row]]

    def said_of_parent(self, row: int) -> tuple[str, ...]:
        me = self.rows[row]
        if me["parent_guid"]:
            return me["host"], "guid", me["parent_guid"]
        if me["parent_pid"]:
            return me["host"], "id", me["parent_pid"], me["parent_process"]
        return me["host"], "row", str(row)

    def _left_behind_by(self, row: int, parent: Links) -> int | None:
        """The script that put a process in the background and ended, so that init has it.

        Ids are handed out in order: the nearest lower id, at most two seconds older, is the script
        or another child of it. The user is the same.
        """
        me = self.rows[row]
        if not me["pid"].isdigit():
            return None
        for lower in range(1, DETACHED_PIDS + 1):
            near = self.history(row, str(int(me["pid"]) - lower))
            near = [i for i in near if self.began(i) <= me["time"]]
            if not near or me["time"] - self.began(near[-1]) > DETACHED_SECONDS:
                continue
            found: Who | None = near[-1]
            if self.rows[near[-1]]["process_name"] not in SCRIPTS:
                found = parent[near[-1]][0]
            known = isinstance(found, int) and found != row
            if known and self.rows[found]["user"] == me["user"]:
                return found
        return None

    def parents(self) -> Links:
        """The parent of every process: background processes given back, oldest first, circles cut.

        A circle is cut above its earliest member.
        """
        whole = [i for i in self.processes if self.stands_for(i) == i]
        parent = {i: self.parent(i) for i in whole}
        for i in self.sorted(whole):
            me = self.rows[i]
            if me["parent_pid"] != "1" or me["process_name"] not in DETACHED:
                continue
            above = parent[i][0]
            if isinstance(above, Standin) or (
                above is not None and self.rows[above]["process_name"] not in INIT
            ):
                continue
            script = self._left_behind_by(i, parent)
            if script is not None:
                parent[i] = script, "tie"
        for i in whole:
            circle = self.circle(i, parent)
            if circle:
                parent[self.sorted(circle)[0]] = None, ""
        return parent

    @staticmethod
    def circle(row: int, parent: Links) -> list[int]:
        """The members of the circle that a row is in, if any."""
        seen = [row]
        while True:
            above = parent[seen[-1]][0]
            if not isinstance(above, int):
                return []
            if above == row:
                return seen
            if above in seen:
                return []
            seen.append(above)
