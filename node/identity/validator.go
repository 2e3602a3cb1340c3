package identity

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
)

// ValidatorPeerKey returns the key of the connections between validators of a CometBFT cluster, for
// the validator that votes with the key account. It follows from that one, and tells
// nothing of it.
func ValidatorPeerKey(account ed25519.PrivateKey) ed25519.PrivateKey {
	seed, err := hkdf.Key(sha256.New, account.Seed(), nil, "redstuff v1 CometBFT peer", ed25519.SeedSize)
	if err != nil {
		panic("identity: " + err.Error()) // lengths are constants far below the limit
	}
	return ed25519.NewKeyFromSeed(seed)
}

// peerIDSize is the length of a peer's id in bytes.
const peerIDSize = 20

// ValidatorPeerID returns the id by which other validators know the one that votes with the key
// account: CometBFT's name of its [ValidatorPeerKey], which stands before its address as in
// id@host:port.
func ValidatorPeerID(account ed25519.PrivateKey) string {
	digest := sha256.Sum256(ValidatorPeerKey(account).Public().(ed25519.PublicKey))
	return hex.EncodeToString(digest[:peerIDSize])
}
