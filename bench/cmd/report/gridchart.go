package main

func (g *Grid) charts(dir string) error { return nil }
