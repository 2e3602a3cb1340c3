package main

import (
	"context"
	"fmt"
	"io"

	"github.com/redstuff-go/redstuff/cmd/internal/ledgerui"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/peer"
)

type statCmd struct {
	jsonFlag
	clusterFlags
	ID blobArg `arg:"" help:"Blob id."`
}

func (c *statCmd) Help() string {
	return `Asks every node what it has of a blob. Lengths and certificates are verified; how many slivers nodes have is what they say. The exit code is 1 if the blob cannot be read.

Example: rs2d stat --committee cluster/committee.toml zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc

JSON: id, scheme, shards (n), primary_source_symbols (P), length, state (certified, uncertified or inconsistent), signers (of the certificate), primary_slivers and secondary_slivers (n when all are there), nodes (name, shards, metadata, primary_slivers, secondary_slivers, complete, error); on a ledger, registrations (object, owner, end_epoch, end_millis, deletable, certified_epoch, cost_per_epoch).`
}

// statReport is what stat prints as JSON.
type statReport struct {
	ID               string     `json:"id"`
	Scheme           string     `json:"scheme"`
	Shards           int        `json:"shards"`
	PrimarySource    int        `json:"primary_source_symbols"`
	Length           uint64     `json:"length"`
	State            string     `json:"state"`
	Signers          []string   `json:"signers"`
	PrimarySlivers   int        `json:"primary_slivers"`
	SecondarySlivers int        `json:"secondary_slivers"`
	Nodes            []statNode `json:"nodes"`

	Registrations []statRegistration `json:"registrations,omitempty"`
}

// statRegistration is what a ledger says of a blob that somebody registered.
type statRegistration struct {
	Object       string  `json:"object"`
	Owner        string  `json:"owner"`
	EndEpoch     uint32  `json:"end_epoch"`
	EndMillis    int64   `json:"end_millis,omitempty"`
	Deletable    bool    `json:"deletable"`
	Certified    *uint32 `json:"certified_epoch,omitempty"`
	CostPerEpoch uint64  `json:"cost_per_epoch"`
	ends         string  // for people
}

type statNode struct {
	Name             string `json:"name"`
	Shards           int    `json:"shards"`
	Metadata         bool   `json:"metadata"`
	PrimarySlivers   int    `json:"primary_slivers"`
	SecondarySlivers int    `json:"secondary_slivers"`
	Complete         bool   `json:"complete"`
	Error            string `json:"error,omitempty"`
}

// States of a blob.
const (
	stateCertified    = "certified"    // the owners of n-f shards signed that they have it
	stateUncertified  = "uncertified"  // no such signatures are known
	stateInconsistent = "inconsistent" // the owners of f+1 shards signed a proof that it is no blob
)

// Run tells what the nodes have of a blob.
func (c *statCmd) Run(a *app) error {
	p, err := c.plane(a)
	if err != nil {
		return c.ledgerError(err)
	}
	cl, err := c.session(a, p.Control, nil, client.Options{})
	if err != nil {
		return err
	}
	defer cl.close()
	r, err := within(cl, "asking", func(ctx context.Context) (*statReport, error) { return c.ask(ctx, cl, p.Ledger) })
	if err != nil {
		return fmt.Errorf("%v: %w", c.ID, c.ledgerError(err))
	}
	if err := c.report(a, r, r.print); err != nil {
		return err
	}
	switch {
	case r.State == stateInconsistent:
		return fmt.Errorf("%v: %w", c.ID, client.ErrInconsistent)
	case r.PrimarySlivers < r.PrimarySource:
		return found("%v: of %d primary slivers that it takes to read it, %d are there", c.ID, r.PrimarySource, r.PrimarySlivers)
	}
	return nil
}

func (c *statCmd) ask(ctx context.Context, cl *session, l chain.Ledger) (*statReport, error) {
	all := cl.Committee()
	r := &statReport{
		ID: c.ID.String(), Scheme: all.Scheme().String(), Shards: all.Params().N, PrimarySource: all.Params().P,
		State: stateUncertified, Signers: []string{},
	}
	if l != nil {
		if err := c.askLedger(ctx, l, r); err != nil {
			return nil, err
		}
	}
	certified, inconsistent := false, false
	for i, s := range cl.Status(ctx, c.ID.BlobID) {
		n := statNode{Name: s.Name, Shards: all.Weight(i)}
		if s.Err != nil {
			n.Error = s.Err.Error()
		} else {
			n.Metadata, n.Complete = s.Status.Metadata, s.Status.Complete
			n.PrimarySlivers = ownPairs(all, c.ID.BlobID, i, s.Status.Primary)
			n.SecondarySlivers = ownPairs(all, c.ID.BlobID, i, s.Status.Secondary)
			certified = certified || s.Status.Certified
			inconsistent = inconsistent || s.Status.Inconsistent
		}
		r.PrimarySlivers += n.PrimarySlivers
		r.SecondarySlivers += n.SecondarySlivers
		r.Nodes = append(r.Nodes, n)
	}
	var certificate *committee.Certificate
	if inconsistent {
		if certificate = c.shown(ctx, cl, (*peer.Peer).InvalidBlobCertificate); certificate != nil {
			r.State = stateInconsistent
		}
	}
	if certificate == nil && certified && l == nil {
		if certificate = c.shown(ctx, cl, (*peer.Peer).Certificate); certificate != nil {
			r.State = stateCertified
		}
	}
	if certificate != nil {
		r.Signers = signers(all, certificate)
	}
	meta, err := cl.Metadata(ctx, c.ID.BlobID)
	if err == nil {
		r.Length = meta.Length
	} else if certificate == nil && r.Registrations == nil {
		return nil, err
	}
	return r, nil
}

// askLedger asks who registered the blob. A blob is certified if the ledger says so, whose
// word the nodes take.
func (c *statCmd) askLedger(ctx context.Context, l chain.Ledger, r *statReport) error {
	b, err := l.Blob(ctx, c.ID.BlobID)
	if err != nil {
		return err
	}
	p, err := pricesOf(ctx, l)
	if err != nil {
		return err
	}
	switch {
	case b.Invalid:
		r.State = stateInconsistent
	case b.Certified != nil:
		r.State = stateCertified
	}
	for _, one := range b.Registrations {
		cost, err := p.cost(one.Length, 1)
		if err != nil {
			return err
		}
		r.Length = one.Length
		r.Registrations = append(r.Registrations, statRegistration{
			one.Object.String(), one.Owner.String(), one.Storage.End, endMillis(p.Status, one.Storage.End), one.Deletable, one.Certified, cost,
			ledgerui.Epoch(p.Status, one.Storage.End),
		})
	}
	return nil
}

// ownPairs counts the sliver pairs in a list that belong to the member, each once.
func ownPairs(all *committee.Committee, id commit.BlobID, member int, pairs []int) int {
	seen := make(map[int]bool)
	for _, pair := range pairs {
		if pair >= 0 && pair < all.Params().N && all.OwnerOfPair(id, pair) == member {
			seen[pair] = true
		}
	}
	return len(seen)
}

// shown returns the first certificate that a node shows, or nil. It is verified.
func (c *statCmd) shown(ctx context.Context, cl *session, ask func(*peer.Peer, context.Context, commit.BlobID) (*committee.Certificate, error)) *committee.Certificate {
	for _, p := range cl.Peers() {
		if certificate, err := ask(p, ctx, c.ID.BlobID); err == nil {
			return certificate
		}
	}
	return nil
}

func (r *statReport) print(w io.Writer) error {
	t := ui.NewTable(w)
	t.Row("blob id", r.ID)
	t.Row("length", fmt.Sprintf("%s bytes (%s)", ui.Count(r.Length), ui.Bytes(r.Length)))
	t.Row("state", r.State)
	t.Row("slivers", fmt.Sprintf("%d of %d primary, %d secondary; %d primary ones decode", r.PrimarySlivers, r.Shards, r.SecondarySlivers, r.PrimarySource))
	if err := t.Flush(); err != nil {
		return err
	}
	for _, one := range r.Registrations {
		kind, certified := "permanent", "not certified yet"
		if one.Deletable {
			kind = "deletable"
		}
		if one.Certified != nil {
			certified = fmt.Sprintf("certified since epoch %d", *one.Certified)
		}
		fmt.Fprintln(w)
		t := ui.NewTable(w)
		t.Row("owner", one.Owner)
		t.Row("stored until", one.ends+", "+kind+", "+certified)
		t.Row("cost", ui.Count(one.CostPerEpoch)+" an epoch")
		if err := t.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	t = ui.NewTable(w)
	t.Row("NODE", "SHARDS", "PRIMARY", "SECONDARY", "")
	for _, n := range r.Nodes {
		state := "complete"
		switch {
		case n.Error != "":
			state = "no answer"
		case !n.Metadata:
			state = "nothing"
		case !n.Complete:
			state = "incomplete"
		}
		t.Row(n.Name, ui.Count(n.Shards), ui.Count(n.PrimarySlivers), ui.Count(n.SecondarySlivers), state)
	}
	return t.Flush()
}
