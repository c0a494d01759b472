package main

import "testing"

func TestModelsCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sori(t, nil, "models", "list", "--models", dir).expect(t, exitDone, "in "+dir, "state    not there", "`sori models pull` fetches", "licence")
	sori(t, []string{"SORI_MODELS=" + dir}, "models", "list").expect(t, exitDone, "in "+dir)
	sori(t, nil, "models", "verify", "--models", dir).expect(t, exitFailed, "sori models pull")
}
