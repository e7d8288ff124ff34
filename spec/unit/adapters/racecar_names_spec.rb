# frozen_string_literal: true

require "support/racecar_names"

RSpec.describe "the names of racecar and phobos" do
  { "racecar" => RacecarNames::RACECAR, "phobos" => RacecarNames::PHOBOS }.each do |library, names|
    it("have an example each, in the specs of the adapter for #{library}") do
      expect(RacecarNames.without_example(library, names)).to eq([])
    end
  end
end
