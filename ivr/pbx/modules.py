"""Which modules of Asterisk each role loads; nothing else is loaded, and nothing else is unpacked."""

from typing import Literal

Role = Literal["hot", "sim"]

# Asterisk does not load what a module depends on: app_mixmonitor needs func_periodic_hook, which needs
# app_chanspy, func_cut, func_groupcount and func_uri; res_agi needs res_speech. A missing one shows only as
# "declined to load".
_BOTH = """
pbx_config app_dial app_playback app_stack app_verbose app_senddtmf
res_pjproject res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjsip res_pjsip_session chan_pjsip
res_pjsip_sdp_rtp res_pjsip_caller_id res_pjsip_authenticator_digest res_pjsip_endpoint_identifier_ip
res_pjsip_endpoint_identifier_user res_pjsip_registrar res_pjsip_outbound_registration
res_pjsip_outbound_authenticator_digest res_pjsip_refer res_pjsip_nat res_pjsip_dtmf_info res_pjsip_rfc3326
res_pjsip_dlg_options res_pjsip_header_funcs res_pjsip_path res_pjsip_pubsub
res_crypto res_rtp_asterisk
codec_alaw codec_ulaw codec_a_mu codec_gsm codec_resample format_wav format_pcm format_sln format_gsm
bridge_simple bridge_native_rtp bridge_softmix bridge_holding bridge_builtin_features
bridge_builtin_interval_features
res_timing_timerfd res_speech res_agi
app_chanspy func_cut func_groupcount func_uri func_periodic_hook app_mixmonitor app_controlplayback
func_callerid func_channel func_strings func_logic func_global func_hangupcause func_timeout func_uuid
func_talkdetect func_devstate func_env res_manager_devicestate
"""
_ROLE: dict[Role, str] = {
    "hot": """res_musiconhold app_queue app_confbridge app_amd res_audiosocket chan_audiosocket
        res_http_websocket res_pjsip_transport_websocket res_srtp func_db
        cel_manager res_cdrel_custom cel_custom""",
    "sim": "app_echo app_read app_record app_waitforsilence",
}
# Only some versions have these: res_cdrel_custom is where newer ones keep what cel_custom writes with.
OPTIONAL = frozenset({"res_cdrel_custom"})


def modules_of(role: Role) -> tuple[str, ...]:
    """Names without `.so`, in the order in which they are loaded."""
    return (*_BOTH.split(), *_ROLE[role].split())


def all_modules() -> tuple[str, ...]:
    """What any role needs, each once."""
    return tuple(dict.fromkeys((*modules_of("hot"), *modules_of("sim"))))
