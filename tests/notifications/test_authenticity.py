"""Only Graph's own token, for our app and that tenant, proves an item; each check bites by itself."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications import authenticity
from notifications.authenticity import SignedClaims
from notifications.errors import NotificationRejectedError, Reason

NOW = datetime(2027, 2, 3, 12, 0, tzinfo=UTC)
CLIENT_ID = "5f0d1c7a-92e4-4b38-a6d1-0c37be48f912"
TENANT_ID = "e6f10b3a-7c28-4159-bd90-54a7c3e81f62"
OTHER_ID = "19ad4c87-2e5b-46f3-8a0d-c7315be6904f"
GRAPH_APP_ID = "0bf30f3b-4a52-48df-9a82-234910c4a086"
V1_ISSUER = f"https://sts.windows.net/{TENANT_ID}/"
V2_ISSUER = f"https://login.microsoftonline.com/{TENANT_ID}/v2.0"

Sign = Callable[..., str]


@pytest.fixture(scope="module")
def private_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def other_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def sign(private_key: RSAPrivateKey) -> Sign:
    def sign(claims: dict[str, Any], **changes: Any) -> str:
        options: dict[str, Any] = {"key": private_key, "algorithm": "RS256", "headers": {"kid": "k1"}}
        return jwt.encode(claims, **(options | changes))

    return sign


@pytest.fixture(scope="module")
def verify(private_key: RSAPrivateKey) -> Callable[..., SignedClaims]:
    def verify(unverified_token: str, **changes: Any) -> SignedClaims:
        expected: dict[str, Any] = {
            "signing_key": private_key.public_key(),
            "audience": CLIENT_ID,
            "issuers": {V1_ISSUER, V2_ISSUER},
            "tenant_id": TENANT_ID,
            "change_tracking_app_ids": {GRAPH_APP_ID},
            "now": NOW,
        }
        return authenticity.verify_validation_token(unverified_token, **(expected | changes))

    return verify


Verify = Callable[..., SignedClaims]


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def make_claims(**changes: Any) -> dict[str, Any]:
    claims = {
        "aud": CLIENT_ID,
        "iss": V2_ISSUER,
        "nbf": seconds(NOW - timedelta(minutes=10)),
        "exp": seconds(NOW + timedelta(minutes=50)),
        "azp": GRAPH_APP_ID,
        "tid": TENANT_ID,
        "ver": "2.0",
    }
    return {name: value for name, value in (claims | changes).items() if value is not ...}


def make_v1_claims(**changes: Any) -> dict[str, Any]:
    return make_claims(**({"ver": "1.0", "iss": V1_ISSUER, "azp": ..., "appid": GRAPH_APP_ID} | changes))


def reason_of(call: Callable[[], object]) -> Reason:
    with pytest.raises(NotificationRejectedError) as caught:
        call()
    return caught.value.reason


def segment(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TestClientState:
    @pytest.mark.parametrize("state", ["secret", "g\u00e9heim", "\U0001f511", "\ud800"])
    def test_the_same_text_matches(self, state: str) -> None:
        assert authenticity.client_state_matches(state, state)

    @pytest.mark.parametrize("unverified", [None, "", "Secret", "secret ", "secre", "secr\u00e9t", "\ud800"])
    def test_anything_else_does_not(self, unverified: str | None) -> None:
        assert not authenticity.client_state_matches("secret", unverified)

    @pytest.mark.parametrize("unverified", [None, ""])
    def test_nothing_matches_an_empty_expectation(self, unverified: str | None) -> None:
        assert not authenticity.client_state_matches("", unverified)


class TestGenuineTokens:
    def test_a_token_of_version_2_passes(self, sign: Sign, verify: Verify) -> None:
        proven = verify(sign(make_claims()))

        assert proven == SignedClaims(
            audience=CLIENT_ID,
            tenant_id=TENANT_ID,
            issuer=V2_ISSUER,
            app_id=GRAPH_APP_ID,
            expires_at=NOW + timedelta(minutes=50),
        )

    def test_a_token_of_version_1_passes(self, sign: Sign, verify: Verify) -> None:
        proven = verify(sign(make_v1_claims()))

        assert (proven.issuer, proven.app_id) == (V1_ISSUER, GRAPH_APP_ID)

    def test_ids_are_compared_in_any_case(self, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims(aud=CLIENT_ID.upper(), tid=TENANT_ID.upper(), azp=GRAPH_APP_ID.upper()))

        proven = verify(token, change_tracking_app_ids={GRAPH_APP_ID.upper()})

        assert replace(proven, issuer="") == replace(verify(sign(make_claims())), issuer="")

    @pytest.mark.parametrize("claim", ["sub", "jti", "iat"])
    def test_claims_that_prove_nothing_are_not_looked_at(
        self, claim: str, sign: Sign, verify: Verify
    ) -> None:
        token = sign({"alg": "RS256"} | make_claims() | {claim: seconds(NOW + timedelta(days=1))})

        assert verify(token)

    @pytest.mark.parametrize("arrival", [datetime(2001, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)])
    def test_only_the_time_of_arrival_counts(self, arrival: datetime, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims(nbf=seconds(arrival), exp=seconds(arrival) + 3_600))

        assert verify(token, now=arrival)


class TestTimes:
    @pytest.mark.parametrize("claims", [make_claims(), make_v1_claims()], ids=["v2", "v1"])
    def test_an_expired_token_is_refused(self, claims: dict[str, Any], sign: Sign, verify: Verify) -> None:
        late = NOW + timedelta(minutes=50, seconds=300)

        assert verify(sign(claims), now=late - timedelta(seconds=1))
        assert reason_of(lambda: verify(sign(claims), now=late)) is Reason.VALIDATION_TOKEN_EXPIRED

    def test_a_token_from_the_future_is_refused(self, sign: Sign, verify: Verify) -> None:
        early = NOW - timedelta(minutes=10, seconds=300)

        assert verify(sign(make_claims()), now=early)
        reason = reason_of(lambda: verify(sign(make_claims()), now=early - timedelta(seconds=1)))
        assert reason is Reason.VALIDATION_TOKEN_NOT_YET_VALID

    def test_a_token_from_the_future_is_taken_at_a_later_look(self, sign: Sign, verify: Verify) -> None:
        early = NOW - timedelta(days=1)

        assert verify(sign(make_claims()), now=early, looked_at=NOW)

    def test_a_later_look_does_not_make_a_token_expire(self, sign: Sign, verify: Verify) -> None:
        assert verify(sign(make_claims()), now=NOW, looked_at=NOW + timedelta(days=1))

    def test_the_leeway_can_be_set(self, sign: Sign, verify: Verify) -> None:
        just_late = NOW + timedelta(minutes=50)

        reason = reason_of(lambda: verify(sign(make_claims()), now=just_late, leeway_seconds=0))

        assert reason is Reason.VALIDATION_TOKEN_EXPIRED

    @pytest.mark.parametrize("claim", ["exp", "nbf"])
    @pytest.mark.parametrize(
        "value",
        [..., None, True, "1801656000", [], float("inf"), 10**400, -(10**15)],
        ids=lambda value: str(value)[:12],
    )
    def test_a_time_must_be_one(
        self, claim: str, value: Any, private_key: RSAPrivateKey, verify: Verify
    ) -> None:
        token = jwt.api_jws.encode(
            json.dumps(make_claims(**{claim: value})).encode(), private_key, "RS256", headers={"kid": "k1"}
        )

        assert reason_of(lambda: verify(token)) is Reason.VALIDATION_TOKEN_MALFORMED


class TestClaims:
    @pytest.mark.parametrize("audience", [OTHER_ID, [CLIENT_ID], CLIENT_ID + " ", f"api://{CLIENT_ID}", 7])
    def test_another_audience_is_refused(self, audience: Any, sign: Sign, verify: Verify) -> None:
        reason = reason_of(lambda: verify(sign(make_claims(aud=audience))))

        assert reason is Reason.VALIDATION_TOKEN_AUDIENCE

    @pytest.mark.parametrize(
        "claims", [make_claims(azp=OTHER_ID), make_v1_claims(appid=OTHER_ID)], ids=["v2", "v1"]
    )
    def test_a_token_issued_to_another_app_is_refused(
        self, claims: dict[str, Any], sign: Sign, verify: Verify
    ) -> None:
        assert reason_of(lambda: verify(sign(claims))) is Reason.VALIDATION_TOKEN_AZP

    @pytest.mark.parametrize(
        "claims",
        [make_claims(azp=OTHER_ID, appid=GRAPH_APP_ID), make_v1_claims(appid=OTHER_ID, azp=GRAPH_APP_ID)],
        ids=["v2", "v1"],
    )
    def test_the_claim_of_the_other_version_does_not_count(
        self, claims: dict[str, Any], sign: Sign, verify: Verify
    ) -> None:
        assert reason_of(lambda: verify(sign(claims))) is Reason.VALIDATION_TOKEN_AZP

    @pytest.mark.parametrize(
        "issuer",
        [
            V2_ISSUER.replace(TENANT_ID, OTHER_ID),
            V2_ISSUER + "/",
            V2_ISSUER.replace("https", "http"),
            f"https://evil.example/?{V2_ISSUER}",
            f"https://login.microsoftonline.com.evil.example/{TENANT_ID}/v2.0",
        ],
    )
    def test_another_issuer_is_refused(self, issuer: str, sign: Sign, verify: Verify) -> None:
        reason = reason_of(lambda: verify(sign(make_claims(iss=issuer))))

        assert reason is Reason.VALIDATION_TOKEN_ISSUER

    def test_another_tenant_is_refused_although_the_issuer_fits(self, sign: Sign, verify: Verify) -> None:
        reason = reason_of(lambda: verify(sign(make_claims(tid=OTHER_ID))))

        assert reason is Reason.VALIDATION_TOKEN_TENANT

    def test_a_whole_token_of_another_tenant_is_refused(self, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims(tid=OTHER_ID, iss=V2_ISSUER.replace(TENANT_ID, OTHER_ID)))

        assert reason_of(lambda: verify(token)) is Reason.VALIDATION_TOKEN_ISSUER

    @pytest.mark.parametrize("claim", ["aud", "iss", "exp", "nbf", "tid", "ver", "azp"])
    def test_no_claim_may_be_missing(self, claim: str, sign: Sign, verify: Verify) -> None:
        reason = reason_of(lambda: verify(sign(make_claims(**{claim: ...}))))

        assert reason is Reason.VALIDATION_TOKEN_MALFORMED

    @pytest.mark.parametrize("version", ["3.0", "2", 2.0, ["2.0"], ""])
    def test_an_unknown_version_is_refused(self, version: Any, sign: Sign, verify: Verify) -> None:
        reason = reason_of(lambda: verify(sign(make_claims(ver=version))))

        assert reason is Reason.VALIDATION_TOKEN_MALFORMED


class TestSignatures:
    def test_another_key_is_refused(self, other_key: RSAPrivateKey, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims(), key=other_key)

        assert reason_of(lambda: verify(token)) is Reason.VALIDATION_TOKEN_SIGNATURE

    @pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
    def test_a_short_key_is_refused(self, sign: Sign, verify: Verify) -> None:
        short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the test
        token = sign(make_claims(), key=short)

        reason = reason_of(lambda: verify(token, signing_key=short.public_key()))

        assert reason is Reason.VALIDATION_TOKEN_SIGNATURE

    @pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
    def test_another_rsa_algorithm_is_refused(self, algorithm: str, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims(), algorithm=algorithm)

        assert reason_of(lambda: verify(token)) is Reason.VALIDATION_TOKEN_ALGORITHM

    def test_an_unsigned_token_is_refused(self, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims(), key="", algorithm="none")

        assert reason_of(lambda: verify(token)) is Reason.VALIDATION_TOKEN_MALFORMED
        assert reason_of(lambda: verify(token + segment(b"x"))) is Reason.VALIDATION_TOKEN_ALGORITHM

    def test_a_token_signed_with_an_elliptic_curve_is_refused(self, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims(), key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")

        assert reason_of(lambda: verify(token)) is Reason.VALIDATION_TOKEN_ALGORITHM

    @pytest.mark.parametrize("declared", ["HS256", "RS256", "rs256"])
    def test_the_public_key_is_no_shared_secret(
        self, declared: str, private_key: RSAPrivateKey, verify: Verify
    ) -> None:
        public_pem = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = f"{segment({'alg': declared, 'kid': 'k1'})}.{segment(make_claims())}"
        forged = segment(hmac.digest(public_pem, signed.encode(), hashlib.sha256))

        assert reason_of(lambda: verify(f"{signed}.{forged}")) in {
            Reason.VALIDATION_TOKEN_ALGORITHM,
            Reason.VALIDATION_TOKEN_SIGNATURE,
        }

    def test_loose_bits_at_the_end_make_another_token(self, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims())
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

        changed = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]

        assert reason_of(lambda: verify(changed)) is Reason.VALIDATION_TOKEN_MALFORMED

    def test_a_token_of_absurd_length_is_refused(self, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims(padding="x" * 16_000))

        assert reason_of(lambda: verify(token)) is Reason.VALIDATION_TOKEN_MALFORMED

    def test_the_claims_of_one_token_do_not_fit_the_signature_of_another(
        self, sign: Sign, verify: Verify
    ) -> None:
        header, _, signature = sign(make_claims()).split(".")

        token = f"{header}.{segment(make_claims(iat=1))}.{signature}"

        assert reason_of(lambda: verify(token)) is Reason.VALIDATION_TOKEN_SIGNATURE

    def test_a_changed_character_anywhere_is_refused(self, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims())

        @given(st.integers(0, len(token) - 1), st.sampled_from("ABCDwxyz0189-_.=+ "))
        @settings(max_examples=200, deadline=None)
        def check(position: int, character: str) -> None:
            changed = token[:position] + character + token[position + 1 :]
            if changed != token:
                assert reason_of(lambda: verify(changed)).startswith("validation_token_")

        check()


class TestHeaders:
    def test_the_signing_key_is_named_by_the_header(self, sign: Sign) -> None:
        header = authenticity.token_header(sign(make_claims()))

        assert (header.kid, header.alg) == ("k1", "RS256")

    @pytest.mark.parametrize("kid", [..., None, "", 7, ["k1"], "k" * 257])
    def test_a_header_without_a_usable_kid_is_malformed(self, kid: Any) -> None:
        header = {"alg": "RS256"} if kid is ... else {"alg": "RS256", "kid": kid}

        reason = reason_of(lambda: authenticity.token_header(f"{segment(header)}.{segment({})}.AAAA"))

        assert reason is Reason.VALIDATION_TOKEN_MALFORMED

    @pytest.mark.parametrize("extension", [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]}])
    def test_an_extension_is_refused(self, extension: dict[str, Any]) -> None:
        header = segment({"alg": "RS256", "kid": "k1"} | extension)

        reason = reason_of(lambda: authenticity.token_header(f"{header}.{segment({})}.AAAA"))

        assert reason is Reason.VALIDATION_TOKEN_MALFORMED

    @pytest.mark.parametrize(
        "token",
        [
            "",
            "a.b",
            "AAAA.AAAA.AAAA.AAAA",
            "....",
            "AAAA.AAAA.AAAA",
            "A.AAAA.AAAA",
            f"{segment([])}.{segment({})}.AAAA",
            f"{segment(b'[' * 9_000)}.{segment({})}.AAAA",
            f"{segment({'alg': 'RS256', 'kid': 'k1'})}.{segment({})}.AAAB\n",
            f"{segment({'alg': 'RS256', 'kid': 'k1'})}.{segment({})}.\u0661AAA",
            "A" * 20_000,
        ],
        ids=lambda token: repr(token[:20]),
    )
    def test_what_is_no_token_is_malformed(self, token: str) -> None:
        reason = reason_of(lambda: authenticity.token_header(token))

        assert reason is Reason.VALIDATION_TOKEN_MALFORMED

    @given(st.text(st.characters(exclude_categories=()), max_size=60))
    @settings(max_examples=100)
    def test_no_text_causes_another_error(self, text: str) -> None:
        assert reason_of(lambda: authenticity.token_header(text)).startswith("validation_token_")

    def test_no_text_of_an_error_repeats_the_token(self, sign: Sign, verify: Verify) -> None:
        token = sign(make_claims(aud=OTHER_ID))

        with pytest.raises(NotificationRejectedError) as caught:
            verify(token)

        assert not any(part in repr(caught.value) for part in (*token.split("."), OTHER_ID))
