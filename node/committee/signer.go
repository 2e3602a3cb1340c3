package committee

// Signer signs attestations as one node. It has the node's secret and does not hand it
// out. It is safe for concurrent use.
type Signer struct {
	key    *SecretKey
	hashes *HashCache
}

// NewSigner returns a signer with the key. hashes may be nil; with that of a
// [BatchVerifier], certificates of what was signed a short time ago verify faster.
func NewSigner(key *SecretKey, hashes *HashCache) *Signer {
	if hashes == nil {
		hashes = new(HashCache)
	}
	return &Signer{key: key, hashes: hashes}
}

// Public returns the public key of the node.
func (s *Signer) Public() PublicKey { return s.key.Public() }

// Attest signs the attestation as a member of the committee.
func (s *Signer) Attest(c *Committee, a Attestation) Signature {
	return s.key.sign(s.hashes.get(c, subject{alone: a}))
}
