"""Why a payment was declined, in words for the buyer (S1-32): by the class that payment names, in English and Hindi."""

from __future__ import annotations

_WORDS = {
    "details": (
        "The card or UPI details were not right. Check them and try again.",
        "कार्ड या यूपीआई का विवरण सही नहीं था। जाँचें और फिर से प्रयास करें।",
    ),
    "funds": (
        "There was not enough money or the limit was reached. Try another card or account.",
        "खाते में पर्याप्त राशि नहीं थी या सीमा पूरी हो गई। दूसरा कार्ड या खाता आज़माएँ।",
    ),
    "expired": ("The card has expired. Try another card.", "कार्ड की वैधता समाप्त हो गई है। दूसरा कार्ड आज़माएँ।"),
    "bank": (
        "The bank declined the payment. Ask your bank, or try another card.",
        "बैंक ने भुगतान अस्वीकार किया। अपने बैंक से पूछें या दूसरा कार्ड आज़माएँ।",
    ),
    "authentication": (
        "The payment was not confirmed with your bank. Try again and confirm it.",
        "बैंक में भुगतान की पुष्टि नहीं हुई। फिर से प्रयास करें और पुष्टि करें।",
    ),
    "cancelled": ("The payment was cancelled.", "भुगतान रद्द कर दिया गया।"),
    "late": (
        "The payment was not finished in time. Try again.",
        "भुगतान समय पर पूरा नहीं हुआ। फिर से प्रयास करें।",
    ),
    "technical": (
        "The bank had a technical problem. Try again in a moment.",
        "बैंक में तकनीकी समस्या थी। थोड़ी देर में फिर से प्रयास करें।",
    ),
    "declined": ("The payment was declined. Try another card.", "भुगतान अस्वीकार हुआ। दूसरा कार्ड आज़माएँ।"),
}
CLASSES = frozenset(_WORDS)


def decline_words(decline: str, accept_language: str) -> str:
    """The sentence for the class `decline`, in Hindi where the browser asks for it first, else in English."""
    english, hindi = _WORDS.get(decline, _WORDS["declined"])
    return hindi if accept_language.lower().startswith("hi") else english
