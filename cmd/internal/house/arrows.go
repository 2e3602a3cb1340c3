package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

const project = "github.com/redstuff-go/redstuff"

// arrows tells which rooms each room imports. Rooms are packages, or folders of
// packages that serve one purpose, by their paths from the project's root.
type arrows map[string][]string

// folders are rooms with all that is below them.
var folders = []string{
	"asm", "bench", "comet/internal", "compat", "gateway/conformance", "cmd/internal", "cmd/rs2d", "cmd/rs2d-comet", "cmd/rs2d-load", "cmd/rs2d-node", "node/internal",
}

// roomOf returns the room of a package. The root has none.
func roomOf(path string) string {
	path, ok := strings.CutPrefix(path, project+"/")
	if !ok {
		return ""
	}
	for _, folder := range folders {
		if path == folder || strings.HasPrefix(path, folder+"/") {
			return folder
		}
	}
	return path
}

// load asks the go command for all packages of the workspace and what they import.
// Tests do not count.
func load(dir string) (arrows, error) {
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "work")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, &stderr)
	}
	all := make(arrows)
	for line := range strings.Lines(string(out)) {
		packages := strings.Fields(line)
		from := roomOf(packages[0])
		if from == "" {
			continue
		}
		if all[from] == nil {
			all[from] = []string{}
		}
		for _, imported := range packages[1:] {
			if to := roomOf(imported); to != "" && to != from && !slices.Contains(all[from], to) {
				all[from] = append(all[from], to)
			}
		}
	}
	for _, to := range all {
		slices.Sort(to)
	}
	return all, nil
}

// floor returns how many rooms the longest way down from a room passes. It does not
// return where arrows run in a circle, which the go command refuses between packages;
// rooms of several packages are checked by [arrows.circle] before.
func (a arrows) floor(room string) (floor int) {
	for _, to := range a[room] {
		floor = max(floor, a.floor(to)+1)
	}
	return floor
}

// circle returns rooms whose arrows run in a circle, or nil.
func (a arrows) circle() []string {
	done := make(map[string]bool)
	var path []string
	var visit func(room string) []string
	visit = func(room string) []string {
		if at := slices.Index(path, room); at >= 0 {
			return append(slices.Clone(path[at:]), room)
		}
		if done[room] {
			return nil
		}
		path = append(path, room)
		for _, to := range a[room] {
			if circle := visit(to); circle != nil {
				return circle
			}
		}
		path, done[room] = path[:len(path)-1], true
		return nil
	}
	for _, room := range a.rooms() {
		if circle := visit(room); circle != nil {
			return circle
		}
	}
	return nil
}

// rooms returns all rooms by their names.
func (a arrows) rooms() []string {
	rooms := make([]string, 0, len(a))
	for room := range a {
		rooms = append(rooms, room)
	}
	slices.Sort(rooms)
	return rooms
}

// reaches reports whether a way leads from one room to the other.
func (a arrows) reaches(from, to string) bool {
	return slices.ContainsFunc(a[from], func(next string) bool { return next == to || a.reaches(next, to) })
}

// direct returns the arrows of a room that no longer way replaces: those a drawing
// needs to show who stands on whom.
func (a arrows) direct(from string) (direct []string) {
	for _, to := range a[from] {
		longer := func(over string) bool { return over != to && a.reaches(over, to) }
		if !slices.ContainsFunc(a[from], longer) {
			direct = append(direct, to)
		}
	}
	return direct
}
