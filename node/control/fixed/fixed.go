// Package fixed is a control plane without a ledger: a file with one committee, which
// stays for ever, and with the clients that may write. All nodes and clients have the
// same file; it holds no secret.
package fixed

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
)

// Client is somebody who may write blobs.
type Client struct {
	Name   string           `toml:"name"`
	TLSKey committee.TLSKey `toml:"tls_key"`
}

// Control is one committee and its clients. It is immutable and safe for concurrent
// use.
type Control struct {
	clients []Client
	view    epoch.View
}

// New returns a control plane of the committee, in which the clients may write. The
// error wraps committee.ErrCommittee if clients are not told apart from one another and
// from members.
func New(c *committee.Committee, clients ...Client) (*Control, error) {
	if c == nil {
		return nil, fmt.Errorf("%w: there is none", committee.ErrCommittee)
	}
	f := &Control{clients: slices.Clone(clients), view: epoch.View{Current: c, Writers: make(map[committee.TLSKey]string)}}
	names := make(map[string]bool)
	for i, client := range f.clients {
		member, isMember := c.FindTLS(client.TLSKey)
		wrong := ""
		switch {
		case client.Name == "":
			wrong = fmt.Sprintf("client %d has no name", i)
		case names[client.Name]:
			wrong = fmt.Sprintf("two clients have the name %s", client.Name)
		case client.TLSKey == committee.TLSKey{}:
			wrong = fmt.Sprintf("client %s has no TLS key", client.Name)
		case isMember:
			wrong = fmt.Sprintf("client %s has the TLS key of %s", client.Name, c.Member(member).Name)
		case f.view.Writers[client.TLSKey] != "":
			wrong = fmt.Sprintf("client %s has the TLS key of client %s", client.Name, f.view.Writers[client.TLSKey])
		}
		if wrong != "" {
			return nil, fmt.Errorf("%w: %s", committee.ErrCommittee, wrong)
		}
		names[client.Name] = true
		f.view.Writers[client.TLSKey] = client.Name
	}
	f.view.Digest = f.digest()
	return f, nil
}

// digest hashes all that the file says, whatever the order of clients.
func (f *Control) digest() epoch.Digest {
	c := f.view.Current
	fingerprint := c.Fingerprint()
	data := append([]byte("redstuff v1 fixed control"), fingerprint[:]...)
	add := func(key committee.TLSKey, texts ...string) {
		data = append(data, key[:]...)
		for _, text := range texts {
			data = binary.LittleEndian.AppendUint32(data, uint32(len(text)))
			data = append(data, text...)
		}
	}
	for i := range c.Len() {
		m := c.Member(i)
		add(m.TLSKey, m.Name, m.Address)
	}
	clients := slices.Clone(f.clients)
	slices.SortFunc(clients, func(a, b Client) int { return bytes.Compare(a.TLSKey[:], b.TLSKey[:]) })
	for _, client := range clients {
		add(client.TLSKey, client.Name)
	}
	return sha256.Sum256(data)
}

// View returns the one epoch that there is.
func (f *Control) View() *epoch.View { return &f.view }
