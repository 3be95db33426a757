"""Why a payment was declined (S1-32) and why a session can't be booked, moved or cancelled, in words for the buyer: by the
class or the kind of problem that the services name, in English and Hindi."""

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


_TROUBLES = {
    "slot-taken": (
        "This time was taken just now. Choose another one.",
        "यह समय अभी-अभी किसी और ने ले लिया। कृपया दूसरा समय चुनें।",
    ),
    "no-time": (
        "This is not one of the expert's free times. Choose one of the times below.",
        "यह विशेषज्ञ के खाली समय में से नहीं है। नीचे दिए समय में से एक चुनें।",
    ),
    "too-late": (
        "It is too late to move this session, or it was moved once in its last hours already. Your time stays as it is.",
        "अब इस सत्र का समय नहीं बदला जा सकता: या तो देर हो गई है, या आख़िरी घंटों में इसे एक बार बदला जा चुका है। आपका समय वही रहेगा।",
    ),
    "overtaken": (
        "The booking changed meanwhile, or this quote has ended. Nothing was cancelled: see what you get back now.",
        "इस बीच बुकिंग बदल गई या यह प्रस्ताव समाप्त हो गया। कुछ रद्द नहीं हुआ: देखें कि अब आपको कितना वापस मिलेगा।",
    ),
    "not-cancellable": (
        "This booking can't be cancelled any more.",
        "यह बुकिंग अब रद्द नहीं की जा सकती।",
    ),
    "not-contestable": (
        "That can be said from a session's beginning until a day after its end. Write to us.",
        "यह सत्र शुरू होने से लेकर उसके समाप्त होने के एक दिन बाद तक बताया जा सकता है। हमें लिखें।",
    ),
    "contested": (
        "Thank you for telling us. One of us looks at it and writes to you.",
        "बताने के लिए धन्यवाद। हम में से कोई इसे देखेगा और आपको लिखेगा।",
    ),
    "cart-invalid": (
        "Something in the cart can't be booked any more. Remove it and choose again.",
        "कार्ट की कोई चीज़ अब बुक नहीं हो सकती। उसे हटाएँ और फिर से चुनें।",
    ),
}
_ORDINARY = ("This did not work. Try again in a moment.", "यह नहीं हो पाया। थोड़ी देर में फिर से प्रयास करें।")


def trouble_words(trouble: str, accept_language: str) -> str:
    """The sentence for `trouble`, in the buyer's language as `decline_words` finds it."""
    english, hindi = _TROUBLES.get(trouble, _ORDINARY)
    return hindi if accept_language.lower().startswith("hi") else english


def refusal_words(trouble: str, detail: str, accept_language: str) -> str:
    """The service's own `detail` where the buyer reads English and there is one, else the sentence for `trouble`."""
    said = trouble_words(trouble, accept_language)
    return detail if detail and said == trouble_words(trouble, "en") else said


def decline_words(decline: str, accept_language: str) -> str:
    """The sentence for the class `decline`, in Hindi where the browser asks for it first, else in English."""
    english, hindi = _WORDS.get(decline, _WORDS["declined"])
    return hindi if accept_language.lower().startswith("hi") else english
