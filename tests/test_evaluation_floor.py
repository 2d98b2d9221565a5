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
    "unseen, open": (727, 644),
    "hard cases": (21, 21),
    "installs, recorded": (592, 565),
}
"""Malicious trees at medium or above, and at high or above."""
FLAGGED = {
    "benign/run_signage_player_kiosk_setup_autologin_user_fleet_ssh_key_reverse_tunnel_unit_updates_off_and_screen_settings",
    "macos/mac23_campus_network_profile_and_helper_pkg_with_proxy_file_and_root",
    "windows/win29_password_protection_agent_on_controller_with_filter_and_restart",
    "benign/rpm_cyberark_psmp_login_proxy_changes_ssh_settings_pam_accounts",
    "windows/win27_new_provider_script_installs_its_management_agent_and_first_policies",
    "benign/makeself_uems_management_agent_bin_serverinfo_token_patch_module",
    "benign/run_site24x7_agent_install_script_device_key_account_and_plugins",
    "windows/win21_npm_pm2_server_and_run_value_with_hidden_script",
    "benign/run_directory_agent_kickstart_connect_key_accounts_sudoers",
    "benign/run_hosting_panel_installer_wrapper_disables_then_builds",
    "windows/win2_group_policy_password_solution",
    "windows/win2_label_app_auto_update_bundle",
    "windows/win8_oclif_cli_defender_exclusion",
    "windows/win16_cloudbase_init_by_image_builder_elevated_task",
    "macos/mac7_campus_printer_command_with_password",
    "benign/npm_hooks_tool_by_shell",
    "benign/pip_protokit_binary_ping",
    "benign/pip_process_supervisor_unit_programs_started",
    "benign/deb_inventory_nightly_upgrade",
    "benign/deb_agent_upgrade_crontab_setuid",
    "benign/rpm_agent_upgrade_then_erase",
    "benign/deb_snoopy_logger_preloaded",
    "benign/deb_published_desktop_client_licence_question_screen_protection_preload_line_usb_service_root_certificates",
    "benign/deb_cloud_user_data_two_agents_metadata",
    "benign/rpm_wazuh_agent_registered",
    "benign/rpm_database_preinstall_accounts_limits_selinux",
    "benign/gem_schedule_writer_updates_crontab",
    "benign/npm_cli_self_update_detached_check",
    "benign/run_dotfiles_clone_install",
    "benign/run_rclone_install_and_encrypted_nightly",
    "benign/run_meshcentral_agent_remote_support",
    "benign/run_azure_arc_onboarding_service_principal",
    "benign/run_dokku_bootstrap_keys_from_authorized",
    "benign/deb_remote_screen_server_full_setup_script",
    "benign/rpm_workload_protection_deploy_script_insecure_fetch_activate",
    "benign/run_lifecycle_server_registration_bearer_pipe_bash",
    "benign/run_site_panel_provision_custom_server_keys_sudo_callback",
    "windows/win19_employee_monitor_by_provider_script_with_permission",
}
"""Benign trees that are not told apart yet, all but one of them made to look bad: a package or an
image build that makes an administrator by command, an app with a start script that comes by a
link, a script that asks for a password, a set-up that excludes itself from the virus scanner,
and recorded packages that do what malware does (code packed into a line, a set-up script or a
queue piped into a shell, a program fetched and started, cron's own table rewritten, also by a
person's own set-up script, a library preloaded into everything, a build account made an
administrator, all sudo rights for an agent, sudo rules written by a script, keys to log in with
as root, a burst of questions about the host, telemetry posted, password files packed, encrypted
and sent off by a person's own backup, a program whose purpose is to write cron's table, SELinux
made permissive for a data base, a kernel module loaded and a device rule written by a set-up
script), and a monitor of employees that hides under a name of Windows."""
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
