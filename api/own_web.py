"""How our own processes ask the web process of this machine, whether it speaks http or https."""

import ssl

from core.settings import Settings


def own_web_tls(settings: Settings) -> ssl.SSLContext | bool:
    """What httpx takes as `verify`: exactly the certificate that was configured, under whatever name we reach it."""
    if not settings.tls_cert:
        return True
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False  # it names the console's host, and this process asks the loopback
    trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trust.load_verify_locations(settings.tls_cert)
    return trust
