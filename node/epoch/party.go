package epoch

import "github.com/redstuff-go/redstuff/node/committee"

// Role is what the other end of a connection may do.
type Role uint8

const (
	// Stranger has shown no key, or one that nobody knows.
	Stranger Role = iota
	// Writer is a client that may write.
	Writer
	// Member is a node of the previous, the current or the next committee.
	Member
)

// Party is who is at the other end of a connection.
type Party struct {
	Role Role
	Name string           // as in the committee, or of the client
	Node committee.NodeID // of a member
}

// Identify tells who has the TLS key. The zero key is nobody's.
func (v *View) Identify(key committee.TLSKey) Party {
	for _, c := range v.Committees() {
		if i, ok := c.FindTLS(key); ok {
			m := c.Member(i)
			return Party{Role: Member, Name: m.Name, Node: m.ID}
		}
	}
	if name, ok := v.Writers[key]; ok && key != (committee.TLSKey{}) {
		return Party{Role: Writer, Name: name}
	}
	return Party{}
}
