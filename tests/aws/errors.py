"""What STS refuses with."""

STATUS = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "ExpiredTokenException": 400,
    "IDPRejectedClaim": 403,
    "InternalFailure": 500,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "InvalidIdentityToken": 400,
    "MalformedPolicyDocument": 400,
    "MissingAuthenticationToken": 403,
    "NoSuchEntity": 404,
    "PackedPolicyTooLarge": 400,
    "RegionDisabledException": 403,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "Throttling": 400,
    "ValidationError": 400,
}


class Refused(Exception):
    """An answer of AWS that is an error."""

    def __init__(self, code, message, status=None):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status or STATUS.get(code, 400)
