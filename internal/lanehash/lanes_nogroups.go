//go:build purego || !amd64

package lanehash

// groupLanes returns 0: there are no kernels for groups.
func groupLanes(*Hasher) int { return 0 }

func foldGroups([]byte, int, int, []byte, []byte, int, int, int) {
	panic("commit: no kernel folds groups")
}

func climbGroup([]byte, *[MaxGroup]*byte, *[MaxDepth]uint16, int) {
	panic("commit: no kernel climbs in groups")
}
