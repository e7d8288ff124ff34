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

  it "lets a signal to a forked child end the child, and says nothing to the parent" do
    described_class.trapped(control) do
      pid = fork { sleep }
      Process.kill(:TERM, pid)
      expect(wait_for_exit(pid).termsig).to eq(Signal.list.fetch("TERM"))
      expect(control.wait(0)).to be_nil
    end
  end
end
