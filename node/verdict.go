package node

import (
	"errors"
	"net/http"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/heal"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// putProof verifies a proof that the blob is inconsistent, keeps it, and attests it.
// Nothing else changes before the owners of f+1 shards have: one node's word is not
// enough to refuse a blob.
func (n *Node) putProof(c *call) {
	raw, ok := c.ReadBody(placement.MaxProof(n.committee.Params()))
	if !ok {
		return
	}
	meta, err := n.metadataOf(c.id)
	if errors.Is(err, store.ErrNotFound) {
		c.Fail(http.StatusConflict, "the metadata comes first")
		return
	}
	if err != nil {
		c.storeError(err)
		return
	}
	proof, err := rs2d.ParseInconsistencyProof(raw)
	if err != nil {
		c.Fail(http.StatusBadRequest, err.Error())
		return
	}
	done, ok := c.compute()
	if !ok {
		return
	}
	err = n.code.VerifyInconsistency(meta, proof)
	done()
	if err != nil {
		n.metrics.rejected.Inc()
		c.Fail(http.StatusUnprocessableEntity, err.Error())
		return
	}
	if !n.has(c.id, store.Proof) {
		if err := n.store.Apply(c.id, store.Update{Records: map[store.Record][]byte{store.Proof: raw}}); err != nil {
			c.storeError(err)
			return
		}
	}
	c.confirm(committee.Inconsistent)
}

// putVerdict takes the attestations of f+1 shards that the blob is inconsistent. Its
// slivers are of no use to anybody then.
func (n *Node) putVerdict(c *call) {
	_, raw, ok := c.certificate(committee.Inconsistent)
	if !ok {
		return
	}
	if err := heal.Condemn(n.store, c.id, raw); err != nil {
		c.storeError(err)
		return
	}
	n.log.Warn("blob is inconsistent", "blob", c.id)
	n.metrics.verdicts.Inc()
	c.WriteHeader(http.StatusCreated)
}
