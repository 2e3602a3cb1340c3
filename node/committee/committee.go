package committee

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
)

// ErrCommittee is returned when members, shards or keys do not make a committee. What
// wraps it says why.
var ErrCommittee = errors.New("committee: invalid committee")

// MaxMembers bounds the number of members.
const MaxMembers = commit.MaxShards

// Member is a node as all others know it.
type Member struct {
	Name      string    `toml:"name"`
	Address   string    `toml:"address"` // host:port
	PublicKey PublicKey `toml:"public_key"`
	Proof     Signature `toml:"proof"` // of possession of the public key's secret
	TLSKey    TLSKey    `toml:"tls_key"`
	Shards    Shards    `toml:"shards"`
}

// NewMember returns the member that has the key.
func NewMember(name, address string, key *Key, shards Shards) Member {
	return Member{
		Name: name, Address: address, PublicKey: key.Public(), Proof: key.Prove(),
		TLSKey: key.TLSPublic(), Shards: shards,
	}
}

// Client is somebody who may write blobs.
type Client struct {
	Name   string `toml:"name"`
	TLSKey TLSKey `toml:"tls_key"`
}

// Committee is the nodes of one epoch. It is immutable and safe for concurrent use.
type Committee struct {
	epoch       uint64
	scheme      commit.Scheme
	params      commit.Params
	members     []Member
	clients     []Client
	owner       []int // of each shard, a member
	fingerprint Fingerprint
}

// New returns the committee of the members, which own all shards from 0 on, each
// exactly one of them. It verifies their proofs of possession. The error wraps
// ErrCommittee.
func New(epoch uint64, scheme commit.Scheme, members []Member, clients []Client) (*Committee, error) {
	c := &Committee{epoch: epoch, scheme: scheme, members: slices.Clone(members), clients: slices.Clone(clients)}
	invalid := func(format string, args ...any) (*Committee, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrCommittee}, args...)...)
	}
	if _, err := scheme.MarshalText(); err != nil {
		return invalid("%w", err)
	}
	if len(members) > MaxMembers {
		return invalid("%d members", len(members))
	}
	total := 0
	for i := range c.members {
		c.members[i].Shards = slices.Clone(c.members[i].Shards)
		slices.Sort(c.members[i].Shards)
		total += len(c.members[i].Shards)
		if total > commit.MaxShards {
			return invalid("more than %d shards", commit.MaxShards)
		}
	}
	var err error
	if c.params, err = commit.NewParams(total); err != nil {
		return invalid("%w", err)
	}

	c.owner = make([]int, total)
	for i := range c.owner {
		c.owner[i] = -1
	}
	keys := make(map[TLSKey]string)
	names := make(map[string]bool)
	addresses := make(map[string]bool)
	publics := make(map[[PublicKeySize]byte]bool)
	for i := range c.members {
		m := &c.members[i]
		switch {
		case m.Name == "" || names[m.Name]:
			return invalid("member %d has no name of its own", i)
		case m.Address == "" || addresses[m.Address]:
			return invalid("%s has no address of its own", m.Name)
		case len(m.Shards) == 0:
			return invalid("%s owns no shard", m.Name)
		case keys[m.TLSKey] != "":
			return invalid("%s has the TLS key of %s", m.Name, keys[m.TLSKey])
		case publics[m.PublicKey.bytes]:
			return invalid("%s has the public key of another member", m.Name)
		}
		publics[m.PublicKey.bytes] = true
		names[m.Name], addresses[m.Address], keys[m.TLSKey] = true, true, m.Name
		for _, shard := range m.Shards {
			switch {
			case shard < 0 || shard >= total:
				return invalid("%s owns shard %d of %d", m.Name, shard, total)
			case c.owner[shard] >= 0:
				return invalid("shard %d is owned twice", shard)
			}
			c.owner[shard] = i
		}
		if err := m.PublicKey.VerifyProof(m.Proof); err != nil {
			return invalid("%s does not prove that it has the secret of its public key", m.Name)
		}
	}
	for _, client := range c.clients {
		if keys[client.TLSKey] != "" {
			return invalid("client %s has the TLS key of %s", client.Name, keys[client.TLSKey])
		}
		keys[client.TLSKey] = client.Name
	}
	c.fingerprint = c.digest()
	return c, nil
}

// Fingerprint names a committee by a hash of all that attestations depend on: the
// system, the epoch, and the members' public keys and shards in their order. Names,
// addresses and TLS keys may change while certificates stay valid.
type Fingerprint [sha256.Size]byte

// String returns the fingerprint in URL-safe base64 without padding.
func (f Fingerprint) String() string { return base64.RawURLEncoding.EncodeToString(f[:]) }

// Fingerprint returns the fingerprint of the committee.
func (c *Committee) Fingerprint() Fingerprint { return c.fingerprint }

func (c *Committee) digest() Fingerprint {
	data := []byte("redstuff v1 committee")
	data = binary.LittleEndian.AppendUint64(data, c.epoch)
	data = append(data, byte(c.scheme))
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

// Epoch returns the number of the epoch.
func (c *Committee) Epoch() uint64 { return c.epoch }

// Scheme returns the hash of the commitments.
func (c *Committee) Scheme() commit.Scheme { return c.scheme }

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

// FindName returns the member of that name.
func (c *Committee) FindName(name string) (member int, ok bool) {
	i := slices.IndexFunc(c.members, func(m Member) bool { return m.Name == name })
	return i, i >= 0
}
