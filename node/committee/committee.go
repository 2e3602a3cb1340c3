package committee

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redstuff-go/redstuff/commit"
)

// ErrCommittee is returned when members, shards or keys do not make a committee. What
// wraps it says why.
var ErrCommittee = errors.New("committee: invalid committee")

// Committee is the nodes of one epoch. It is immutable and safe for concurrent use.
type Committee struct {
	system      System
	epoch       uint64
	params      commit.Params
	members     []Member
	owner       []int // of each shard, a member
	fingerprint Fingerprint
}

// New returns the committee of an epoch of the system. Its members own all shards, each
// exactly one of them. It verifies their proofs of possession. The error wraps
// ErrCommittee.
func New(system System, epoch uint64, members []Member) (*Committee, error) {
	return build(system, epoch, members, nil)
}

// Succeed returns the committee of another epoch of the system, as New does. Proofs of
// possession that members of c have shown are not verified again: they take most of the
// time.
func (c *Committee) Succeed(epoch uint64, members []Member) (*Committee, error) {
	proven := make(map[[PublicKeySize]byte]bool, len(c.members))
	for _, m := range c.members {
		proven[m.PublicKey.bytes] = true
	}
	return build(c.system, epoch, members, proven)
}

// build is New. Public keys that are proven need no proof.
func build(system System, epoch uint64, members []Member, proven map[[PublicKeySize]byte]bool) (*Committee, error) {
	if err := system.Validate(); err != nil {
		return nil, err
	}
	params, err := commit.NewParams(system.Shards)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCommittee, err)
	}
	c := &Committee{system: system, epoch: epoch, params: params, members: slices.Clone(members)}
	if len(members) > params.N {
		return nil, fmt.Errorf("%w: %d members, and only %d shards to own", ErrCommittee, len(members), params.N)
	}
	for i := range c.members {
		if m := &c.members[i]; m.ID == (NodeID{}) {
			m.ID = m.PublicKey.NodeID()
		}
	}
	if err := checkMembers(c.members, proven); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCommittee, err)
	}
	if err := assignShards(c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCommittee, err)
	}
	c.fingerprint = fingerprintOf(c)
	return c, nil
}

// checkMembers finds members that are not told apart, or that others could not reach or
// believe.
func checkMembers(members []Member, proven map[[PublicKeySize]byte]bool) error {
	names, addresses, ids := make(map[string]bool), make(map[string]string), make(map[NodeID]string)
	tlsKeys, publicKeys := make(map[TLSKey]string), make(map[[PublicKeySize]byte]string)
	for i, m := range members {
		address := strings.ToLower(m.Address)
		switch {
		case m.Name == "":
			return fmt.Errorf("member %d has no name", i)
		case names[m.Name]:
			return fmt.Errorf("two members have the name %s", m.Name)
		case addresses[address] != "":
			return fmt.Errorf("%s has the address of %s", m.Name, addresses[address])
		case m.TLSKey == TLSKey{}:
			return fmt.Errorf("%s has no TLS key", m.Name)
		case tlsKeys[m.TLSKey] != "":
			return fmt.Errorf("%s has the TLS key of %s", m.Name, tlsKeys[m.TLSKey])
		case publicKeys[m.PublicKey.bytes] != "":
			return fmt.Errorf("%s has the public key of %s", m.Name, publicKeys[m.PublicKey.bytes])
		case ids[m.ID] != "":
			return fmt.Errorf("%s is the same node as %s", m.Name, ids[m.ID])
		}
		if err := CheckAddress(m.Address); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		// Whoever has the secret of a key has it in every epoch.
		if !proven[m.PublicKey.bytes] && m.PublicKey.VerifyProof(m.Proof) != nil {
			return fmt.Errorf("%s does not prove that it has the secret of its public key", m.Name)
		}
		names[m.Name], addresses[address], ids[m.ID] = true, m.Name, m.Name
		tlsKeys[m.TLSKey], publicKeys[m.PublicKey.bytes] = m.Name, m.Name
	}
	return nil
}

// assignShards finds the owner of each shard.
func assignShards(c *Committee) error {
	c.owner = make([]int, c.params.N)
	for i := range c.owner {
		c.owner[i] = -1
	}
	for i := range c.members {
		m := &c.members[i]
		if len(m.Shards) == 0 {
			return fmt.Errorf("%s owns no shard", m.Name)
		}
		m.Shards = slices.Clone(m.Shards)
		slices.Sort(m.Shards)
		for _, shard := range m.Shards {
			switch {
			case shard < 0 || shard >= c.params.N:
				return fmt.Errorf("%s owns shard %d, and the %d shards are 0 to %d", m.Name, shard, c.params.N, c.params.N-1)
			case c.owner[shard] >= 0:
				return fmt.Errorf("%s and %s both own shard %d", c.members[c.owner[shard]].Name, m.Name, shard)
			}
			c.owner[shard] = i
		}
	}
	var unowned Shards
	for shard, owner := range c.owner {
		if owner < 0 {
			unowned = append(unowned, shard)
		}
	}
	if len(unowned) > 0 {
		return fmt.Errorf("nobody owns shards %v of 0-%d", unowned, c.params.N-1)
	}
	return nil
}

// Fingerprint names a committee by a hash of all that attestations depend on: the
// system, the epoch, and the members' public keys and shards in their order. Names,
// addresses and TLS keys may change while certificates stay valid.
type Fingerprint [sha256.Size]byte

// String returns the fingerprint in URL-safe base64 without padding.
func (f Fingerprint) String() string { return base64.RawURLEncoding.EncodeToString(f[:]) }

// MarshalText returns String's form.
func (f Fingerprint) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText writes. The error wraps ErrCommittee.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw) != len(f) {
		return fmt.Errorf("%w: a fingerprint is %d bytes in URL-safe base64", ErrCommittee, len(f))
	}
	copy(f[:], raw)
	return nil
}

// Fingerprint returns the fingerprint of the committee.
func (c *Committee) Fingerprint() Fingerprint { return c.fingerprint }

// fingerprintOf computes the fingerprint.
func fingerprintOf(c *Committee) Fingerprint {
	genesis := c.system.Genesis()
	data := append([]byte("redstuff v1 committee"), genesis[:]...)
	data = binary.LittleEndian.AppendUint64(data, c.epoch)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(c.members)))
	for _, m := range c.members {
		data = append(data, m.PublicKey.bytes[:]...)
		data = binary.LittleEndian.AppendUint32(data, uint32(len(m.Shards)))
		for _, shard := range m.Shards {
			data = binary.LittleEndian.AppendUint16(data, uint16(shard))
		}
	}
	return sha256.Sum256(data)
}

// System returns what never changes.
func (c *Committee) System() System { return c.system }

// Epoch returns the number of the epoch.
func (c *Committee) Epoch() uint64 { return c.epoch }

// Scheme returns the hash of the commitments.
func (c *Committee) Scheme() commit.Scheme { return c.system.Scheme }

// Params returns n, f, P and S.
func (c *Committee) Params() commit.Params { return c.params }

// Len returns the number of members.
func (c *Committee) Len() int { return len(c.members) }

// Member returns member i. It panics if there is none.
func (c *Committee) Member(i int) Member {
	m := c.members[i]
	m.Shards = slices.Clone(m.Shards)
	return m
}

// Weight returns the number of shards member i owns.
func (c *Committee) Weight(i int) int { return len(c.members[i].Shards) }

// Owner returns the member that owns the shard. It panics if there is no such shard.
func (c *Committee) Owner(shard int) int { return c.owner[shard] }

// OwnerOfPair returns the member that stores the sliver pair of the blob. It panics
// if there is no such pair.
func (c *Committee) OwnerOfPair(id commit.BlobID, pair int) int {
	return c.owner[id.ShardOfPair(pair, c.params.N)]
}

// Pairs returns the sliver pairs of the blob that member i stores, in ascending
// order.
func (c *Committee) Pairs(id commit.BlobID, i int) []int {
	pairs := make([]int, 0, c.Weight(i))
	for _, shard := range c.members[i].Shards {
		pairs = append(pairs, id.PairOfShard(shard, c.params.N))
	}
	slices.Sort(pairs)
	return pairs
}

// Find returns the member that has the public key.
func (c *Committee) Find(key PublicKey) (member int, ok bool) {
	i := slices.IndexFunc(c.members, func(m Member) bool { return m.PublicKey.bytes == key.bytes })
	return i, i >= 0
}

// FindID returns the member that is the node.
func (c *Committee) FindID(id NodeID) (member int, ok bool) {
	i := slices.IndexFunc(c.members, func(m Member) bool { return m.ID == id })
	return i, i >= 0
}

// FindTLS returns the member that has the TLS key.
func (c *Committee) FindTLS(key TLSKey) (member int, ok bool) {
	i := slices.IndexFunc(c.members, func(m Member) bool { return m.TLSKey == key })
	return i, i >= 0
}

// At returns the committee for its own epoch: one committee is a lookup of a single
// epoch. The error is an *EpochError.
func (c *Committee) At(epoch uint64) (*Committee, error) {
	if epoch != c.epoch {
		return nil, &EpochError{Epoch: epoch, First: c.epoch, Last: c.epoch}
	}
	return c, nil
}

// FindName returns the member of that name.
func (c *Committee) FindName(name string) (member int, ok bool) {
	i := slices.IndexFunc(c.members, func(m Member) bool { return m.Name == name })
	return i, i >= 0
}
