"""Which parameters each endpoint has in the pinned API version; any other is refused as the vendor does."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(text.split())


INTENT_PLAIN = words(
    """customer description on_behalf_of receipt_email shipping statement_descriptor statement_descriptor_suffix
    transfer_group"""
)
INTENT_UPDATE = INTENT_PLAIN | words(
    """allowed_payment_method_types amount amount_details application_fee_amount capture_method currency
    customer_account excluded_payment_method_types hooks metadata payment_details payment_method
    payment_method_configuration payment_method_data payment_method_options payment_method_types setup_future_usage
    transfer_data"""
)
INTENT_CREATE = INTENT_UPDATE | words(
    """automatic_payment_methods confirm confirmation_method confirmation_token error_on_requires_action mandate
    mandate_data off_session radar_options return_url use_stripe_sdk"""
)
INTENT_CONFIRM = words(
    """allowed_payment_method_types amount_details amount_to_confirm capture_method confirmation_token
    error_on_requires_action excluded_payment_method_types hooks mandate mandate_data off_session payment_details
    payment_method payment_method_data payment_method_options payment_method_types radar_options receipt_email
    return_url setup_future_usage shipping use_stripe_sdk"""
)
INTENT_CAPTURE = words(
    """amount_details amount_to_capture application_fee_amount final_capture hooks metadata payment_details
    statement_descriptor statement_descriptor_suffix transfer_data"""
)
INTENT_CANCEL = words("cancellation_reason")
SETUP_CREATE = words(
    """allowed_payment_method_types attach_to_self automatic_payment_methods confirm confirmation_token customer
    customer_account description excluded_payment_method_types flow_directions mandate_data metadata on_behalf_of
    payment_method payment_method_configuration payment_method_data payment_method_options payment_method_types
    return_url single_use usage use_stripe_sdk"""
)
SETUP_CONFIRM = words(
    """allowed_payment_method_types confirmation_token mandate_data payment_method payment_method_data
    payment_method_options return_url use_stripe_sdk"""
)
REFUND_CREATE = words(
    """amount charge currency customer instructions_email metadata origin payment_intent reason
    refund_application_fee reverse_transfer"""
)
TRANSFER_CREATE = words(
    "amount currency description destination metadata source_transaction source_type transfer_group"
)
REVERSAL_CREATE = words("amount description metadata refund_application_fee")
METHOD_TYPES = words(
    "card link us_bank_account sepa_debit ideal bancontact klarna affirm afterpay_clearpay cashapp upi paypal"
)
INTENT_PUBLIC = words(
    """id object amount automatic_payment_methods canceled_at cancellation_reason capture_method client_secret
    confirmation_method created currency description last_payment_error last_setup_error livemode next_action
    payment_method payment_method_types processing receipt_email setup_future_usage shipping status usage"""
)
"""What the browser is shown of an intent."""
CURRENCIES = words(
    """usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf
    clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr
    isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr
    mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd
    std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw"""
)
