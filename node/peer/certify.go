package peer

import (
	"errors"

	"github.com/redstuff-go/redstuff/node/committee"
)

// CertifyMost makes a certificate of those of the signatures that are right, by member,
// and distrusts the members that sent the others. The error is committee.ErrWeight if
// too few are.
func CertifyMost(v *View, a committee.Attestation, signatures map[int]committee.Signature) (*committee.Certificate, error) {
	cert, err := v.Certify(a, signatures)
	var bad *committee.BadSignersError
	if !errors.As(err, &bad) {
		return cert, err
	}
	for _, member := range bad.Members {
		delete(signatures, member)
		if member < len(v.Peers) && v.Peers[member] != nil {
			v.Peers[member].Distrust()
		}
	}
	return v.Certify(a, signatures)
}
