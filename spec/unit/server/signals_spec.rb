# frozen_string_literal: true

require "support/wait"

RSpec.describe Karafka::Server::Signals do
  include Wait

  let(:control) { Karafka::Server::Control.new }

  it "passes a signal on, and gives the former trap back" do
    former = Signal.trap("TSTP", "IGNORE")
    described_class.trapped(control) do
      Process.kill(:TSTP, Process.pid)
      expect(control.wait(30)).to eq(:TSTP)
    end
    expect(Signal.trap("TSTP", former)).to eq("IGNORE")
  end

  it "passes HUP on, which a terminal or a supervisor sends, but not under nohup" do
    former = Signal.trap("HUP", "DEFAULT")
    described_class.trapped(control) do
      Process.kill(:HUP, Process.pid)
      expect(control.wait(30)).to eq(:HUP)
    end
    expect(Signal.trap("HUP", "IGNORE")).to eq("DEFAULT")
    described_class.trapped(control) do
      Process.kill(:HUP, Process.pid)
      Process.kill(:TSTP, Process.pid)
      expect([control.wait(30), control.wait(0)]).to eq([:TSTP, nil])
    end
  ensure
    Signal.trap("HUP", former || "DEFAULT")
  end

  it "passes USR2 on to a supervisor, and has a node obey TERM, TSTP and TTIN alone" do
    former = Signal.trap("USR2", "DEFAULT")
    described_class.trapped(control, :supervisor) do
      Process.kill(:USR2, Process.pid)
      expect(control.wait(30)).to eq(:USR2)
    end
    described_class.trapped(control, :swarm) do
      %i[INT QUIT HUP USR2 TERM].each { |name| Process.kill(name, Process.pid) }
      expect([control.wait(30), control.wait(0)]).to eq([:TERM, nil])
    end
    expect(Signal.trap("USR2", former)).to eq("DEFAULT")
  end

  it "lets a signal to a forked child end the child, and says nothing to the parent" do
    described_class.trapped(control) do
      pid = fork { sleep }
      Process.kill(:TERM, pid)
      expect(wait_for_exit(pid).termsig).to eq(Signal.list.fetch("TERM"))
      expect(control.wait(0)).to be_nil
    end
  end
end
