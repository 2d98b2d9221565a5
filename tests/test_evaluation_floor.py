"""What the shipped catalogue found when it was last measured: it must not find less.

Raise these numbers when `make evaluate` shows more; never lower them to make a change pass.
"""

from __future__ import annotations

import pytest

from evaluation import datasets
from evaluation.command import trees
from evaluation.measure import COMMAND, at_or_above, labeled, measure
from evaluation.model import HELD_OUT, DataSet

FLOORS = {
    "samples": (14, 13),
    "unseen, open": (310, 264),
    "hard cases": (21, 20),
    "installs, recorded": (318, 302),
}
"""Malicious trees at medium or above, and at high or above."""
FLAGGED = {
    "windows/win2_group_policy_password_solution",
    "windows/win2_label_app_auto_update_bundle",
    "linux/lin6_small_image_with_apk",
    "macos/mac7_campus_printer_command_with_password",
    "benign/deb_inventory_nightly_upgrade",
    "benign/npm_hooks_tool_by_shell",
    "benign/pip_protokit_binary_ping",
    "benign/deb_agent_upgrade_crontab_setuid",
    "benign/rpm_agent_upgrade_then_erase",
    "benign/deb_coldvault_backup_agent",
    "benign/deb_snoopy_logger_preloaded",
    "benign/run_dotfiles_clone_install",
    "benign/deb_ci_runner_packagecloud_script_register",
    "benign/deb_cloud_user_data_two_agents_metadata",
    "benign/run_floating_license_manager_fingerprint",
    "benign/run_rclone_install_and_encrypted_nightly",
    "benign/rpm_wazuh_agent_registered",
    "benign/gem_schedule_writer_updates_crontab",
    "benign/rpm_database_preinstall_accounts_limits_selinux",
    "windows/win8_oclif_cli_defender_exclusion",
}
"""Benign trees that are not told apart yet: a package that makes an administrator by command, an
app with a start script that comes by a link, a shortened command line of pip, a script that asks
for a password, a set-up that excludes itself from the virus scanner, and recorded packages that
were made to do what malware does (code packed into a line, a set-up script piped into a shell, a
program fetched and started, cron's own table rewritten, also by a person's own set-up script, a
library preloaded into everything, a build account made an administrator, all sudo rights for an
agent, password files packed, encrypted and sent off by a person's own backup, a program whose
purpose is to write cron's table, SELinux made permissive for a data base)."""
SETS = [data for data in datasets.own() if data.part != HELD_OUT]


@pytest.mark.parametrize("data", SETS, ids=lambda data: data.name)
def test_the_catalogue_keeps_what_was_measured(data: DataSet) -> None:
    result = measure(data, trees(data.rows)[0], [])
    bad, good = labeled(result.units, "malicious"), labeled(result.units, "benign")
    medium, high = FLOORS[data.name]
    found = [at_or_above(bad, COMMAND, step) for step in ("medium", "high")]
    missed = [u.recording.name for u in bad if u.score < 40]
    assert found[0] >= medium, f"below medium: {missed}"
    assert found[1] >= high, f"below high: {[u.recording.name for u in bad if u.score < 60]}"
    flagged = {u.recording.name: (u.score, u.signals) for u in good if u.score >= 40}
    assert {name: what for name, what in flagged.items() if name not in FLAGGED} == {}
    assert result.broken_silence[COMMAND] == 0
