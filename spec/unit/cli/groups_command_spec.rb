# frozen_string_literal: true

require "stringio"

RSpec.describe Karafka::Cli::Groups::Command do
  let(:out) { StringIO.new }
  let(:state) { "dead" }
  let(:group) { Karafka::Admin::Group.new(group: "shop", state: state, type: "classic", assignor: "", coordinator: 1, members: []) }
  let(:groups) { instance_double(Karafka::Admin::ConsumerGroups, describe: [group], committed_offsets: []) }

  def describe_group(**options)
    admin = instance_double(Karafka::Admin, consumer_groups: groups)
    described_class.new(options, terminal: Karafka::Cli::Terminal.new(out: out), admin: admin).describe("shop")
  end

  it "says that a group does not exist, which Kafka calls dead" do
    [{}, { json: true }].each do |options|
      expect { describe_group(**options) }.to raise_error(Karafka::Errors::CommandError, /\Athere is no group shop: .*karafka groups list/)
    end
    expect(out.string).to eq("")
  end

  context "when it has no members, but offsets" do
    let(:state) { "empty" }

    it "shows them" do
      offsets = [10, 2].map do |number|
        Karafka::Admin::ConsumerGroups::CommittedOffset.new(topic: "orders", partition: number, offset: 5)
      end
      allow(groups).to receive(:committed_offsets).and_return(offsets)
      expect(describe_group).to eq(0)
      expect(out.string)
        .to match(/\Ashop: empty, classic, assignor none, coordinator 1\nno members\n\n.*\norders +2 +5\norders +10 +5\n\z/)
    end
  end
end
