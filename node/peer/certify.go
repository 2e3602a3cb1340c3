package peer

import (
	"errors"

	"github.com/redstuff-go/redstuff/node/committee"
)

// CertifyMost makes a certificate of those of the signatures that are right, and
// distrusts the members that sent the others. The error is committee.ErrWeight if
// too few are.
func CertifyMost(c *committee.Committee, peers []*Peer, a committee.Attestation, signatures map[int]committee.Signature) (*committee.Certificate, error) {
	cert, err := c.Certify(a, signatures)
	var bad *committee.BadSignersError
	if !errors.As(err, &bad) {
		return cert, err
	}
	for _, member := range bad.Members {
		delete(signatures, member)
		if member < len(peers) && peers[member] != nil {
			peers[member].Distrust()
		}
	}
	return c.Certify(a, signatures)
}
